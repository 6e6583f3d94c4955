/** Documentation is executed: every YAML block in a page and every file in configs/ must be a valid configuration. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { BUILD } from '../cmd/weir/build-info.ts';
import { cli } from '../cmd/weir/cli.ts';
import { components } from '../cmd/weir/components.gen.ts';
import { COMPONENT_KINDS, type ComponentKind } from '../core/component-id.ts';
import { SIGNALS, type Signal } from '../core/signal.ts';
import { SECTION } from '../service/config/components.ts';
import { createRegistry } from '../service/registry.ts';
import { files, ROOT, read } from './support/repository.ts';

const scratch = mkdtempSync(join(tmpdir(), 'weir-docs-'));
after(() => rmSync(scratch, { recursive: true }));

const registry = createRegistry(components);
/** What is said of components that the present collector does not have; their pages name them all the same. */
const noted = components.filter(({ ours }) => ours === true).map(({ load }) => load());
const ours = (await Promise.all(noted)).map(({ default: factory }) => factory.ours ?? '');

/** A configuration as parsed; sections may be missing. */
type Sections = Record<string, Record<string, unknown> | undefined>;

/** By file, the test that reads it. */
const TESTED_ELSEWHERE: Readonly<Record<string, string>> = {
  // declares topics for `weir topics`
  'configs/topics.yaml': 'core/kafka/topics.test.ts',
  'configs/stream-topics.yaml': 'test/services/stream.test.ts',
  // InfluxDB has left the collector, of which there is a warning
  'configs/stream-metrics.yaml': 'test/services/stream.test.ts',
  // has warnings on purpose
  'configs/architecture.yaml': 'service/config/architecture.test.ts',
};

for (const file of files('configs/**/*.yaml').filter((name) => !(name in TESTED_ELSEWHERE))) {
  test(file, async () => {
    assert.equal(await problems(['--config', join(ROOT, file)]), '');
  });
}

for (const page of files('**/*.md').filter((file) => !file.startsWith('test/'))) {
  for (const [index, block] of yamlBlocks(read(page)).entries()) {
    test(`${page}, block ${index + 1}`, async () => {
      const file = join(scratch, `${index}.yaml`);
      writeFileSync(file, stringify(await complete(parse(block) as Sections)));
      const said = (await problems(['--config', file])).split('\n').filter((line) => line !== '');
      assert.deepEqual(
        said.filter((line) => !ours.some((note) => line.endsWith(note))),
        [],
        block,
      );
    });
  }
}

test('the version that weir prints is that of the package', () => {
  assert.equal(BUILD.version, JSON.parse(read('package.json')).version);
});

test('every script that the pages name is there', () => {
  const { scripts } = JSON.parse(read('package.json'));
  for (const page of files('**/*.md')) {
    for (const [, name] of read(page).matchAll(/npm run ([\w:]+)/g))
      assert.ok(name! in scripts, `${page}: npm run ${name}`);
  }
});

test('every runtime dependency has its reason', () => {
  const text = read('docs/architecture.md');
  for (const name of Object.keys(JSON.parse(read('package.json')).dependencies)) {
    assert.ok(text.includes(`| \`${name}\` |`), `docs/architecture.md does not say why there is ${name}`);
  }
});

/** What `weir validate` has to say; empty for a good configuration without warnings. */
async function problems(args: readonly string[]): Promise<string> {
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  const terminal = { env: { GOMEMLIMIT: undefined }, stdout: write, stderr: write, write: async () => {} };
  const run = () => assert.fail('validate starts nothing');
  const status = await cli(['validate', ...args], terminal, run);
  return status === 0 ? output : output || `exit status ${status}`;
}

function yamlBlocks(text: string): string[] {
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
}

/** A block shows what matters; the rest is made up around it, so that each of its components is in a pipeline. */
async function complete(shown: Sections): Promise<Sections> {
  if (shown.service?.pipelines !== undefined) return shown;
  const names = (section: string) => Object.keys(shown[section] ?? {});
  const extensions = names('extensions');
  const connectors = names('connectors');
  const inputs = names('receivers').length > 0 ? names('receivers') : ['nop'];
  const outputs = names('exporters').length > 0 ? names('exporters') : ['nop'];
  const processors = names('processors');
  const { from, to } = await signalsOf(shown);
  const pipelines =
    connectors.length === 0
      ? { [from]: { receivers: inputs, processors, exporters: outputs } }
      : {
          [`${from}/in`]: { receivers: inputs, processors, exporters: connectors },
          [`${to}/out`]: { receivers: connectors, exporters: outputs },
        };
  return {
    ...shown,
    receivers: { ...shown.receivers, ...(inputs[0] === 'nop' && { nop: null }) },
    exporters: { ...shown.exporters, ...(outputs[0] === 'nop' && { nop: null }) },
    service: { extensions, ...shown.service, pipelines },
  };
}

/** The first signals that all components of a block are for: into its connectors and out of them. */
async function signalsOf(shown: Sections): Promise<{ from: Signal; to: Signal }> {
  const pairs = SIGNALS.flatMap((from) => SIGNALS.map((to) => ({ from, to })));
  const rules = await Promise.all(
    COMPONENT_KINDS.flatMap((kind) => Object.keys(shown[SECTION[kind]] ?? {}).map(rule(kind))),
  );
  const connected = shown.connectors !== undefined;
  const fits = pairs.find((pair) => (connected || pair.from === pair.to) && rules.every((holds) => holds(pair)));
  // what fits nothing is for weir to say
  return fits ?? { from: 'traces', to: 'traces' };
}

type Rule = (pair: { from: Signal; to: Signal }) => boolean;

function rule(kind: ComponentKind): (id: string) => Promise<Rule> {
  return async (id) => {
    const factory = await registry.find(kind, id.replace(/\/.*/, ''));
    if (factory?.kind === 'connector') return ({ from, to }) => factory.signals[from]?.[to] !== undefined;
    if (factory?.kind === 'exporter') return ({ to }) => factory.signals[to] !== undefined;
    if (factory === undefined || factory.kind === 'extension') return () => true;
    return ({ from }) => factory.signals[from] !== undefined;
  };
}
