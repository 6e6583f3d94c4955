import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PipelineError } from '../core/error.ts';
import type { ExporterFactory } from '../core/factory.ts';
import { testSettings } from '../core/testing/settings.ts';
import { loadPlugin } from './plugins.ts';
import { createRegistry } from './registry.ts';

const fieldsUrl = new URL('../core/config/fields.ts', import.meta.url).href;
const PLUGIN = `
import { struct, string } from ${JSON.stringify(fieldsUrl)};
const config = struct('mine.Config', 'Mine.', { greeting: string('Greeting.', 'hello') });
const stop = { start() {}, shutdown() {}, consume() {} };
const base = { description: 'Mine.', config, surface: {}, signals: { traces: 'alpha' }, create: () => stop };
`;

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-plugin-'));
  await mkdir(join(folder, 'one'));
  await writeFile(
    join(folder, 'one', 'index.ts'),
    `${PLUGIN}export default { kind: 'exporter', type: 'mine', ...base };`,
  );
  const two = join(folder, 'node_modules', 'weir-two');
  await mkdir(two, { recursive: true });
  await writeFile(join(two, 'package.json'), '{"name": "weir-two", "type": "module", "main": "main.js"}');
  const list =
    "export default [{ kind: 'exporter', type: 'a', ...base }, { kind: 'processor', type: 'b', aliases: ['c'], ...base }];";
  await writeFile(join(two, 'main.js'), PLUGIN + list);
  await writeFile(join(folder, 'bad.js'), 'export default 5;');
  await writeFile(join(folder, 'throws.mjs'), 'throw new Error("broken inside\\nmore")');
});
after(() => rm(folder, { recursive: true }));

test('a plugin is a folder, a file or a package, with one factory or several', async () => {
  const [one] = await loadPlugin(join(folder, 'one'), [folder]);
  assert.deepEqual([one?.kind, one?.type], ['exporter', 'mine']);
  assert.equal((await loadPlugin('one', [folder]))[0]?.type, 'mine', 'relative to the directory');
  const two = await loadPlugin('weir-two', [folder]);
  assert.deepEqual(
    two.map((e) => `${e.kind} ${e.type} ${e.aliases}`),
    ['exporter a ', 'processor b c'],
  );
  const registry = createRegistry(two);
  assert.equal((await registry.find('processor', 'c'))?.type, 'b');
  assert.equal(registry.find('exporter', 'c'), undefined);
  assert.deepEqual(registry.types('processor'), ['b', 'c']);
});

test('the first directory that has it counts', async () => {
  const other = join(folder, 'other');
  await mkdir(other);
  await writeFile(join(other, 'bad.js'), 'throw new Error("the other one")');
  assert.equal((await loadPlugin('one', [other, folder]))[0]?.type, 'mine');
  await assert.rejects(loadPlugin('bad.js', [other, folder]), /"bad.js": the other one/);
});

test('what is no plugin is refused with its name', async () => {
  await assert.rejects(loadPlugin('nope', [folder]), /^Error: cannot load plugin "nope": Cannot find/);
  await assert.rejects(
    loadPlugin('bad.js', [folder]),
    /plugin "bad.js": the default export is not a component factory/,
  );
  await assert.rejects(loadPlugin('throws.mjs', [folder]), /^Error: cannot load plugin "throws.mjs": broken inside$/);
});

test('two components of one kind and type are refused', async () => {
  const entries = await loadPlugin('one', [folder]);
  assert.throws(() => createRegistry([...entries, ...entries]), /there are two exporters of type "mine"/);
});

test('a package imports core by the name of this program and gets the modules of this process', async () => {
  const source = `
    import { defineExporter } from 'weir/core/factory.ts';
    import { struct } from 'weir/core/config/fields.js';
    import { PipelineError } from 'weir/core/error.ts';
    const signals = { traces: 'alpha' };
    const create = () => { throw new PipelineError('mine'); };
    export default defineExporter({ type: 'named', description: 'Named.', config: struct('n.Config', 'N.', {}), surface: {}, signals, create });
  `;
  const path = join(folder, 'node_modules', 'weir-named');
  await mkdir(path);
  await writeFile(join(path, 'package.json'), '{"name": "weir-named", "type": "module", "main": "main.js"}');
  await writeFile(join(path, 'main.js'), source);
  const [named] = await loadPlugin('weir-named', [folder]);
  const factory = (await named?.load())?.default as ExporterFactory<unknown>;
  assert.throws(() => factory.create(testSettings(), {}), PipelineError);
});
