/** Verdicts recorded from the collector (`validate`, v0.155.0) that a plausible reading of its documentation misses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUILD } from '../cmd/weir/build-info.ts';
import { components } from '../cmd/weir/components.gen.ts';
import { loadConfig } from '../service/config/load.ts';
import { createRegistry } from '../service/registry.ts';

/** Undefined where the configuration is taken. */
async function refusal(yaml: string): Promise<string | undefined> {
  const registry = createRegistry(components);
  try {
    await loadConfig({ uris: [`yaml:${yaml}`], strict: true, registry, env: {}, build: BUILD });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

type Kind = 'receivers' | 'processors' | 'exporters' | 'extensions';

/** A configuration that needs the component, alone with what does nothing. */
function using(kind: Kind, type: string, body: string): string {
  const signal = /prometheus/.test(type) ? 'metrics' : 'traces';
  const uses = { receivers: '[nop]', processors: '[]', exporters: '[nop]', extensions: '[]', [kind]: `[${type}]` };
  const declared = { receivers: 'nop: ', processors: '', exporters: 'nop: ', extensions: '' };
  const sections = Object.entries({
    ...declared,
    [kind]: `${declared[kind]}${declared[kind] && ', '}${type}: ${body}`,
  });
  const { extensions, ...pipeline } = uses;
  const lists = Object.entries(pipeline).map(([key, list]) => `${key}: ${list}`);
  return `
${sections.map(([key, members]) => `${key}: {${members}}`).join('\n')}
service:
  telemetry: {metrics: {level: none}}
  extensions: ${extensions}
  pipelines: {${signal}: {${lists.join(', ')}}}
`;
}

type Row = readonly [kind: Kind, type: string, body: string, refused?: RegExp];

const ROWS: readonly Row[] = [
  ['exporters', 'otlp_http', '{endpoint: "localhost:4318"}'],
  ['exporters', 'otlp_http', '{endpoint: "127.0.0.1:4318"}', /endpoint must be a valid URL/],
  ['exporters', 'otlp_http', '{endpoint: ":4318"}', /endpoint must be a valid URL/],
  ['exporters', 'otlp_http', '{traces_endpoint: "[::1]:4318"}', /traces_endpoint must be a valid URL/],
  ['exporters', 'prometheus_remote_write', '{endpoint: "localhost:9090"}'],
  ['exporters', 'prometheus_remote_write', '{endpoint: " http://x"}', /invalid endpoint/],
];

for (const [kind, type, body, refused] of ROWS) {
  test(`${type}: ${body} is ${refused === undefined ? 'taken' : 'refused'}`, async () => {
    const message = await refusal(using(kind, type, body));
    if (refused === undefined) assert.equal(message, undefined);
    else assert.match(message ?? 'taken', refused);
  });
}
