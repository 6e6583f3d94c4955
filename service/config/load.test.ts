import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildInfo } from '../../core/component.ts';
import { ConfigError } from '../../core/config/fault.ts';
import { int, secret, string, struct } from '../../core/config/fields.ts';
import type { ComponentEntry, Factory } from '../../core/factory.ts';
import {
  defineConnector,
  defineExporter,
  defineExtension,
  defineProcessor,
  defineReceiver,
} from '../../core/factory.ts';
import { createRegistry } from '../registry.ts';
import { type LoadOptions, loadConfig, type Sources } from './load.ts';
import { renderConfigError } from './render.ts';

const build: BuildInfo = { command: 'weir', description: 'Test', version: '1.2.3' };
const never = { start: () => {}, shutdown: () => {}, consume: () => {} };
const all = { traces: 'beta', metrics: 'beta', logs: 'beta' } as const;
const empty = struct('x.Config', 'None.', {});
const surface = {};

const batch = struct(
  'batchprocessor.Config',
  'Batch.',
  { size: int('Size.', 10), key: secret('Key.') },
  {
    validate: (value, path, report) => (value.size < 0 ? report(path, "'size' must not be negative") : undefined),
  },
);

const factories: readonly Factory[] = [
  defineReceiver({ type: 'in', description: '', config: empty, surface, signals: all, create: () => never }),
  defineReceiver({
    type: 'tin',
    description: '',
    config: empty,
    surface,
    signals: { traces: 'beta' },
    create: () => never,
  }),
  defineProcessor({
    type: 'batch',
    aliases: ['batcher'],
    description: '',
    config: batch,
    surface,
    signals: all,
    create: (_settings, config) => {
      if (config.size === 13) throw new Error('unlucky size');
      return never;
    },
  }),
  defineExporter({
    type: 'debug',
    description: '',
    config: struct('d.Config', 'Debug.', { level: string('Level.') }, { legacy: { loglevel: { standard: 'level' } } }),
    surface,
    signals: all,
    create: () => never,
  }),
  defineConnector({
    type: 'forward',
    description: '',
    config: empty,
    surface,
    signals: { traces: { traces: 'beta' }, logs: { logs: 'beta' } },
    create: () => never,
  }),
  defineExtension({ type: 'zpages', description: '', config: empty, surface, stability: 'beta', create: () => never }),
];
const entries = factories.map((factory): ComponentEntry => {
  const load = () => Promise.resolve({ default: factory });
  return { kind: factory.kind, type: factory.type, aliases: factory.aliases ?? [], load };
});

const RECEIVERS = 'receivers: {in: , in/2: , tin: }\n';
const REST =
  'processors: {batch: , batch/2: }\nexporters: {debug: , debug/2: }\nconnectors: ' +
  '{forward: , forward/2: }\nextensions: {zpages: }\n';
const COMPONENTS = RECEIVERS + REST;
const ONE = 'pipelines: {traces: {receivers: [in], exporters: [debug]}}';
const PIPELINES = `service: {${ONE}}\n`;

function load(yaml: string, options: Partial<LoadOptions> = {}, sources?: Sources) {
  const registry = createRegistry(entries);
  return loadConfig({ uris: [`yaml:${yaml}`], registry, env: {}, build, instanceId: 'me', ...options }, sources);
}

async function faults(yaml: string, options: Partial<LoadOptions> = {}): Promise<readonly string[]> {
  try {
    await load(yaml, options);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((f) => `${f.at?.line ?? '-'}: ${f.section === '' ? '' : `${f.section}: `}${f.message}`);
  }
}

test('a good configuration becomes plain data with everything resolved', async () => {
  const { config, toPlain } = await load(`${COMPONENTS}service:
  extensions: [zpages]
  pipelines:
    traces/a: {receivers: [in, " in ", tin], processors: [batch/2, batch], exporters: [forward]}
    traces: {receivers: [forward], exporters: [debug, debug/2, debug]}
`);
  const ids = (components: readonly { id: string }[]): readonly string[] => components.map((c) => c.id);
  const [first, second] = config.pipelines;
  assert.deepEqual([first?.id, first?.signal, first?.name], ['traces/a', 'traces', 'a']);
  assert.deepEqual(ids(first?.receivers ?? []), ['in', 'tin']);
  assert.deepEqual(ids(first?.processors ?? []), ['batch/2', 'batch']);
  assert.deepEqual(ids(second?.exporters ?? []), ['debug', 'debug/2']);
  assert.equal(first?.exporters[0], second?.receivers[0], 'one connector, one object');
  assert.deepEqual(ids(config.extensions), ['zpages']);
  assert.equal(config.components.length, 10);
  assert.deepEqual(config.components.find((c) => c.id === 'batch')?.config, { size: 10, key: undefined });
  assert.deepEqual(config.telemetry.resource, {
    'service.name': 'weir',
    'service.version': '1.2.3',
    'service.instance.id': 'me',
  });
  assert.deepEqual(Object.keys(toPlain(false)), [
    'receivers',
    'processors',
    'exporters',
    'connectors',
    'extensions',
    'service',
  ]);
});

const BAD: readonly (readonly [yaml: string, ...faults: string[]])[] = [
  ['', '-: service::pipelines: service must have at least one pipeline', '-: empty configuration file'],
  [
    PIPELINES,
    '1: service::pipelines::traces: references receiver "in" which is not configured',
    '1: service::pipelines::traces: references exporter "debug" which is not configured',
    '-: no receiver configuration specified in config',
    '-: no exporter configuration specified in config',
  ],
  [COMPONENTS, '-: service::pipelines: service must have at least one pipeline'],
  [`${COMPONENTS}${PIPELINES}recievers: {}`, "7: 'otelcol.configSettings' has invalid keys: recievers"],
  [
    `receivers: [in]\n${REST}service: {}`,
    `1: 'receivers' expected a map or struct, got "slice"`,
    '-: service::pipelines: service must have at least one pipeline',
    '-: no receiver configuration specified in config',
  ],
  [
    `receivers: {in: 5}\n${REST}${PIPELINES}`,
    "1: 'receivers[in]' expected type 'map[string]interface {}', got unconvertible type 'int'",
  ],
  [`receivers: {in/: , in: }\n${REST}${PIPELINES}`, `1: 'receivers' in "in/" id: the part after / should not be empty`],
  [`receivers: {"in ": , in: }\n${REST}${PIPELINES}`, `1: 'receivers' duplicate name "in" after unmarshaling in`],
  [
    `receivers: {inn: , in: }\n${REST}${PIPELINES}`,
    `1: 'receivers' unknown type: "inn" for id: "inn" (valid values: [in tin])`,
  ],
  [
    `${COMPONENTS}service: {pipeline: {}}`,
    "6: 'service' has invalid keys: pipeline",
    '-: service::pipelines: service must have at least one pipeline',
  ],
  [
    `${COMPONENTS}service: {pipelines: {trace: }}`,
    `6: 'service.pipelines' in "trace" id: unknown pipeline signal: "trace"`,
  ],
  [
    `${COMPONENTS}service: {pipelines: {traces: }}`,
    '6: service::pipelines::traces: must have at least one receiver',
    '6: service::pipelines::traces: must have at least one exporter',
  ],
  [
    `${COMPONENTS}service: {pipelines: {traces: {receivers: in, exporters: [debug], foo: 1}}}`,
    "6: 'service.pipelines[traces]' has invalid keys: foo",
    "6: 'service.pipelines[traces].receivers' source data must be an array or slice, got string",
    '6: service::pipelines::traces: must have at least one receiver',
  ],
  [
    `${COMPONENTS}service: {pipelines: {traces: {receivers: [in], processors: [batch, batch], exporters: [debug]}}}`,
    '6: service::pipelines::traces: references processor "batch" multiple times',
  ],
  [
    `${COMPONENTS}service: {pipelines: {profiles: {receivers: [in], exporters: [debug]}}}`,
    '6: service::pipelines: pipeline "profiles": profiling signal support is at alpha ' +
      'level, gated under the "service.profilesSupport" feature gate',
  ],
  [
    `${COMPONENTS}service: {extensions: [zpage], ${ONE}}`,
    '6: service::extensions: references extension "zpage" which is not configured',
  ],
  [
    `${RECEIVERS}exporters: {debug: , forward: }\nconnectors: {forward: }\n${PIPELINES}`,
    `2: 'exporters' unknown type: "forward" for id: "forward" (valid values: [debug])`,
    `3: connectors::forward: ambiguous ID: Found both "forward" exporter and "forward" ` +
      `connector. Change one of the components' IDs to eliminate ambiguity (e.g. rename ` +
      `"forward" connector to "forward/connector")`,
  ],
  [
    `${COMPONENTS}service: {pipelines: {logs: {receivers: [tin], exporters: [debug]}}}`,
    '1: failed to build pipelines: failed to create "tin" receiver for data type "logs": ' +
      'telemetry type is not supported',
  ],
  [
    `${COMPONENTS}service: {pipelines: {traces: {receivers: [in], exporters: [forward]}, ` +
      `metrics: {receivers: [forward/2], exporters: [debug]}}}`,
    '4: failed to build pipelines: connector "forward" used as exporter in [traces] ' +
      'pipeline but not used in any supported receiver pipeline',
    '4: failed to build pipelines: connector "forward/2" used as receiver in [metrics] ' +
      'pipeline but not used in any supported exporter pipeline',
  ],
  [
    `${COMPONENTS}service: {pipelines: {traces: {receivers: [in, forward], exporters: ` +
      `[forward/2]}, traces/2: {receivers: [forward/2], processors: [batch], exporters: ` +
      `[forward]}}}`,
    '4: failed to build pipelines: cycle detected: connector "forward/2" (traces to ' +
      'traces) -> processor "batch" in pipeline "traces/2" -> connector "forward" (traces ' +
      'to traces) -> connector "forward/2" (traces to traces)',
  ],
  [
    `${RECEIVERS}processors: {batch: {size: 13}, batch/unused: {size: 13}}\nexporters: ` +
      `{debug: }\nservice: {pipelines: {traces: {receivers: [in], processors: [batch], ` +
      `exporters: [debug]}}}`,
    '2: failed to build pipelines: failed to create "batch" processor, in pipeline "traces": unlucky size',
  ],
  [
    `${RECEIVERS}processors: {batch/unused: {size: -1}}\nexporters: {debug: }\n${PIPELINES}`,
    `2: processors::batch/unused: 'size' must not be negative`,
  ],
  [
    `${COMPONENTS}service: {telemetry: {metrics: {readers: []}}, ${ONE}}`,
    '6: service::telemetry: collector telemetry metrics reader should exist when metric level is not none',
  ],
  [
    `${COMPONENTS}service: {telemetry: {logs: {level: loud}, foo: 1}, ${ONE}}`,
    "6: 'service.telemetry' has invalid keys: foo",
    `6: 'service.telemetry.logs.level' unrecognized level: "loud"`,
  ],
];

test('every rule of the collector has its message and its line', async () => {
  for (const [yaml, ...expected] of BAD) assert.deepEqual(await faults(yaml), expected, yaml);
});

test('gates relax what they guard', async () => {
  assert.deepEqual(await faults(COMPONENTS, { featureGates: ['service.AllowNoPipelines'] }), []);
  assert.deepEqual(await faults('service: {}', { featureGates: ['service.AllowNoPipelines'] }), []);
  const [fault] = await faults(`${COMPONENTS}service: {pipelines: {profiles: }}`, {
    featureGates: ['service.profilesSupport'],
  });
  assert.match(fault ?? '', /profiles are not supported/);
});

test('faults of all components are reported at once', async () => {
  const all = await faults(
    `receivers: {in: {a: 1}, nope: }\nprocessors: {batch: {size: x}}\nexporters: {debug: {b: 1}}\n${PIPELINES}`,
  );
  assert.equal(all.length, 4);
});

test('older configurations are read with a warning, and refused when strict', async () => {
  const yaml =
    `${RECEIVERS}exporters: {logging: {loglevel: x}}\nservice: {telemetry: {metrics: ` +
    `{address: ":9999"}}, pipelines: {traces: {receivers: [in], exporters: [logging]}}}`;
  const { config } = await load(yaml, { featureGates: ['telemetry.useOtelForInternalMetrics'] });
  assert.deepEqual(config.warnings, [
    'feature gate "telemetry.useOtelForInternalMetrics" was retired and has no effect',
    "yaml::2:13: exporter 'logging' is of older collectors, read as 'debug'",
    "yaml::2:23: exporters::logging: 'loglevel' is a key of older collectors, read as 'level'",
    "yaml::3:33: 'service.telemetry.metrics.address' is a key of older collectors, read as 'readers'",
  ]);
  const page = config.telemetry.metrics.readers[0]?.pull?.exporter.prometheus;
  assert.deepEqual([page?.host, page?.port, page?.without_type_suffix], ['0.0.0.0', 9999, false]);
  assert.deepEqual(await faults(yaml, { strict: true }), [
    "2: 'exporters' the logging exporter has been deprecated, use the debug exporter instead",
    "3: 'service.telemetry.metrics' has invalid keys: address",
  ]);
});

test('connectors listed by pipeline are exporters of it; what they name must be there', async () => {
  const service = (connectors: string) =>
    `${COMPONENTS}service: {connectors: ${connectors}, pipelines: {traces: {receivers: [in], exporters: [debug]}, ` +
    'traces/2: {receivers: [forward], exporters: [debug]}}}';
  for (const listed of ['{traces: [forward]}', '{traces: [forward, debug]}', '{traces: forward}']) {
    const { config } = await load(service(listed));
    const ids = config.pipelines.map(({ exporters }) => exporters.map(({ id }) => id).join());
    assert.deepEqual(ids, ['debug,forward', 'debug'], listed);
    assert.deepEqual(config.warnings, [
      "yaml::6:11: 'service.connectors' is a key of older collectors, read as 'pipelines.traces.exporters'",
    ]);
  }
  const unused = '4: failed to build pipelines: connector "forward" used as receiver in [traces/2] pipeline but';
  const [first = '', second] = await faults(service('{}'));
  assert.deepEqual([first.startsWith(unused), second], [true, undefined]);
  const wrong = async (listed: string) => (await faults(service(listed)))[0];
  assert.equal(
    await wrong('{trace: [forward]}'),
    `6: 'service.connectors' names pipeline "trace" which is not configured`,
  );
  const unknown = '6: service::pipelines::traces: references exporter "x" which is not configured';
  assert.equal(await wrong('{traces: [x]}'), unknown);
  assert.equal(await wrong('[forward]'), "6: 'service' has invalid keys: connectors");
  assert.equal(
    await wrong('{traces: {forward: }}'),
    `6: 'service.pipelines[traces].exporters[1]' expected a map or struct, got "map"`,
  );
  assert.deepEqual(await faults(service('{traces: [forward]}'), { strict: true }), [
    "6: 'service' has invalid keys: connectors",
    `${unused} not used in any supported exporter pipeline`,
  ]);
});

test('extensions that need no settings need no declaration, unless strict', async () => {
  const yaml = `${RECEIVERS}exporters: {debug: }\nservice: {extensions: [zpages], ${ONE}}`;
  const { config, toPlain } = await load(yaml);
  assert.deepEqual(config.warnings, [
    "yaml::3:24: 'service.extensions' names zpages without a declaration, read as 'extensions: {zpages}'",
  ]);
  assert.deepEqual(
    config.extensions.map(({ id }) => id),
    ['zpages'],
  );
  assert.deepEqual(toPlain(false).extensions, { zpages: {} });
  const refusal = '3: service::extensions: references extension "zpages" which is not configured';
  assert.deepEqual(await faults(yaml, { strict: true }), [refusal]);
  const [other] = await faults(yaml.replace('[zpages]', '[zpages/2]'));
  assert.equal(other, refusal.replace('zpages', 'zpages/2'));
});

test('what the present collector does not have is read with a warning, and refused when strict', async () => {
  const [first] = factories.filter(({ kind }) => kind === 'exporter');
  const factory = { ...first, type: 'old', ours: 'is gone' } as Factory;
  const loadOld = () => Promise.resolve({ default: factory });
  const registry = createRegistry([
    ...entries,
    { kind: 'exporter', type: 'old', aliases: [], ours: true, load: loadOld },
  ]);
  const yaml = `${RECEIVERS}exporters: {old: }\nservice: {pipelines: {traces: {receivers: [in], exporters: [old]}}}`;
  const { config } = await load(yaml, { registry });
  assert.deepEqual(config.warnings, ["yaml::2:13: exporter 'old' is gone"]);
  assert.match(
    (await faults(yaml, { registry, strict: true })).join(),
    /unknown type: "old" .*\(valid values: \[debug\]\)/,
  );
});

test('telemetry has the defaults of the collector', async () => {
  const { config } = await load(`${COMPONENTS}${PIPELINES}`);
  const { logs, metrics } = config.telemetry;
  assert.deepEqual(
    metrics.readers.map((r) => r.pull?.exporter.prometheus.port),
    [8888],
  );
  assert.deepEqual(
    [metrics.level, logs.level, logs.encoding, logs.sampling?.initial],
    ['normal', 'info', 'console', 10],
  );
  const other = await load(
    `${COMPONENTS}service: {telemetry: {logs: {level: WARNING, sampling: }, resource: ` +
      `{service.name: x, service.version: , a: b}}, ${ONE}}`,
  );
  assert.deepEqual([other.config.telemetry.logs.level, other.config.telemetry.logs.sampling], ['warn', undefined]);
  assert.deepEqual(other.config.telemetry.resource, { 'service.name': 'x', 'service.instance.id': 'me', a: 'b' });
});

test('a telemetry level is a name in any case or a number', async () => {
  const levelOf = async (level: string) =>
    (await load(`${COMPONENTS}service: {telemetry: {metrics: {level: ${level}}}, ${ONE}}`)).config.telemetry.metrics
      .level;
  const read = await Promise.all(['-7', '-1', '0', '1', '1.5', '2', '5', 'Detailed', ''].map(levelOf));
  assert.equal(read.join(), 'none,none,basic,normal,normal,detailed,detailed,detailed,normal');
  await assert.rejects(levelOf('"3"'), /unknown metrics level "3"/);
});

test('an alias finds the same component', async () => {
  const { config } = await load(`${RECEIVERS}processors: {batcher: {size: 3}}\nexporters: {debug: }\n${PIPELINES}`);
  assert.equal(config.components.find((c) => c.id === 'batcher')?.factory.type, 'batch');
});

test('errors print with the line, the place and a hint, and without other values of the line', async () => {
  const yaml =
    `${RECEIVERS}processors:\n  batch: {key: hunter2, sise: 5, size: x}\n  batch/2:\n    ` +
    `key: 5\n${REST.split('\n').slice(1).join('\n')}${PIPELINES}`;
  const sources: Sources = new Map();
  const error = await load(yaml, {}, sources).catch((caught: unknown) => caught);
  assert.ok(error instanceof ConfigError);
  assert.equal(
    renderConfigError(error, sources),
    `Error: yaml::3:25: processors::batch: 'batchprocessor.Config' has invalid keys: sise
  3 |   … sise:
    |     ^^^^ did you mean 'size'?
Error: yaml::3:40: processors::batch: 'size' expected type 'int64', got unconvertible type 'string' (found "x")
  3 |   … size: x
    |           ^
Error: yaml::5:10: processors::batch/2: 'key' expected type 'configopaque.String', got unconvertible type 'int'
`,
  );
});

test('what has no effect reaches the one who says so', async () => {
  const metrics = '{level: detailed, views: [{selector: {unit: s}}]}';
  const traces = '{processors: [{simple: {exporter: {console: }}}]}';
  const { config } = await load(`${COMPONENTS}service: {telemetry: {metrics: ${metrics}, traces: ${traces}}, ${ONE}}`);
  assert.equal(config.telemetry.metrics.views?.length, 1);
  assert.equal(config.telemetry.traces?.processors?.length, 1);
});
