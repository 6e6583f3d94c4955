import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { components } from '../../../cmd/weir/components.gen.ts';
import { ConfigError } from '../../../core/config/fault.ts';
import { loadConfig, type Sources } from '../../../service/config/load.ts';
import { renderConfigError } from '../../../service/config/render.ts';
import { createRegistry } from '../../../service/registry.ts';
import type { Target } from '../engine.ts';
import { mutateTokens } from '../mutate-tokens.ts';

const FILES = ['default', 'gateway', 'http', 'sidecar', 'tenants', 'patterns', 'kubernetes'];
const build = { command: 'weir', description: 'Test', version: '1.2.3' };
const WORDS = [
  'receivers:',
  'processors:',
  'exporters:',
  'service:',
  'pipelines:',
  'otlp',
  'batch',
  'debug',
  'nop',
  'file',
  'traces',
  'metrics',
  '\n',
  '  ',
  '\t',
  ':',
  ': ',
  '-',
  '- ',
  '{',
  '}',
  '[',
  ']',
  ',',
  '#',
  '&a',
  '*a',
  '<<: *a',
  '!!str',
  '!!int',
  '!!binary',
  '|',
  '>-',
  '---',
  '...',
  '"',
  "'",
  '""',
  '~',
  'null',
  'true',
  'yes',
  '${env:A}',
  '${A:-x}',
  '${',
  '$$',
  '$',
  '5s',
  '-1ms',
  '1h30m',
  '10MiB',
  '0x1F',
  '0o17',
  '.inf',
  '.nan',
  '1e3',
  '2020-01-01',
  '\0',
  '\xc3\xa9',
  '?',
  '%YAML 1.2\n',
  'endpoint',
  'timeout',
  'tls:',
  'enabled',
  'protocols:',
  'grpc:',
  'http:',
  'sending_queue:',
  'retry_on_failure:',
];

/** Values and keys that lead out of the process are no matter of the text; the loader is what is fuzzed. */
const LEADS_OUT = /plugins|\$\{[^}]*(?:https?|file):/;

/** A configuration is loaded, or refused with a ConfigError that can be shown; what was loaded loads the same again. */
export const config: Target = {
  name: 'config',
  seeds: () =>
    FILES.map((name) => {
      const text = readFileSync(new URL(`../../../configs/${name}.yaml`, import.meta.url), 'utf8');
      return Buffer.from(text.replace(/^\s*#.*\n/gm, ''));
    }),
  mutate: mutateTokens(/[A-Za-z_]+|[0-9]+|\n *|[^A-Za-z0-9_\n]/g, WORDS),
  async check(input) {
    const text = input.toString('utf8');
    if (LEADS_OUT.test(text)) return false;
    const first = await loaded(text);
    if (first === undefined) return false;
    const again = await loaded(escaped(first));
    assert.equal(again, first, 'loaded again');
    return true;
  },
};

/** So that what is printed stands for itself: variables are looked for in values, not in keys. */
function escaped(json: string): string {
  const dollars = (_key: string, value: unknown) => (typeof value === 'string' ? value.replaceAll('$', '$$$$') : value);
  return JSON.stringify(JSON.parse(json, dollars));
}

const registry = createRegistry(components);

/** The configuration as JSON with all defaults. */
async function loaded(text: string): Promise<string | undefined> {
  const sources: Sources = new Map();
  const env = { A: 'x', HOME: '/nowhere' };
  try {
    const { toPlain } = await loadConfig({ uris: [`yaml:${text}`], registry, build, env, instanceId: 'one' }, sources);
    return JSON.stringify(toPlain(true));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    renderConfigError(error, sources);
    return undefined;
  }
}
