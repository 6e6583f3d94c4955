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
  ['exporters', 'otlp_http', '{endpoint: "1.2.3.4:1", traces_endpoint: "http://x"}', /endpoint must be a valid URL/],
  ['exporters', 'otlp_http', '{endpoint: ":4318"}', /endpoint must be a valid URL/],
  ['exporters', 'otlp_http', '{traces_endpoint: "[::1]:4318"}', /traces_endpoint must be a valid URL/],
  ['exporters', 'prometheus_remote_write', '{endpoint: "localhost:9090"}'],
  ['exporters', 'prometheus_remote_write', '{endpoint: " http://x"}', /invalid endpoint/],
  ['exporters', 'prometheus_remote_write', '{endpoint: "http://x", timeout: -1s}', /must be non-negative/],
  ['exporters', 'prometheus_remote_write', '{endpoint: "http://x", protobuf_message: null}', /remote write protobuf/],
  ['exporters', 'kafka', '{record_headers: [{name: a, value: b}]}'],
  ['exporters', 'kafka', '{record_headers: [{key: a, value: b}]}', /invalid keys: key/],
  ['exporters', 'kafka', '{record_partitioner: }'],
  ['exporters', 'kafka', '{record_partitioner: {}}'],
  ['exporters', 'kafka', '{record_partitioner: {round_robin: {}}}'],
  ['exporters', 'kafka', '{record_partitioner: {round_robin: }}', /no partitioner type configured/],
  ['exporters', 'kafka', '{record_partitioner: {sticky_key: {}}}', /unknown hasher ""/],
  ['exporters', 'kafka', '{protocol_version: 2.8.1}'],
  ['exporters', 'kafka', '{protocol_version: 99.0.0}', /invalid protocol version/],
  ['receivers', 'kafka', '{group_rebalance_strategies: [range, mine/1]}'],
  ['receivers', 'kafka', '{group_rebalance_strategies: range}', /must be an array or slice/],
  ['receivers', 'kafka', '{group_rebalance_strategy: "a b"}', /is not a built-in strategy/],
  ['receivers', 'kafka', '{profiles: {exclude_topics: [a]}}', /profiles.exclude_topics is configured but none/],
  ['extensions', 'basicauth', '{htpasswd: null, client_auth: {username: u, password: p}}'],
  ['extensions', 'basicauth', '{htpasswd: null}', /no credential source provided/],
  ['exporters', 'otlp_grpc', '{endpoint: "x:1", headers: [null]}'],
  ['exporters', 'otlp_grpc', '{endpoint: "x:1", retry_on_failure: {multiplier: 1e400}}', /expected type 'float64'/],
  [
    'processors',
    'batch',
    '{metadata_keys: [2001-01-01]}',
    /expected type 'string', got unconvertible type 'time.Time'/,
  ],
  ['processors', 'batch', '{metadata_keys: 2001-01-01}', /must be an array or slice, got struct/],
  ['processors', 'batch', '{timeout: 9223372036854775807ns}'],
  ['processors', 'batch', '{timeout: 9223372036854775808ns}', /time: invalid duration/],
];

function verdict(what: string, yaml: string, refused: RegExp | undefined): void {
  test(`${what} is ${refused === undefined ? 'taken' : 'refused'}`, async () => {
    const message = await refusal(yaml);
    if (refused === undefined) assert.equal(message, undefined);
    else assert.match(message ?? 'taken', refused);
  });
}

for (const [kind, type, body, refused] of ROWS) verdict(`${type}: ${body}`, using(kind, type, body), refused);

/** Of `service::telemetry`. */
const TELEMETRY: readonly (readonly [body: string, refused?: RegExp])[] = [
  ['traces: {sampler: {parent_based: {root: {trace_id_ratio_based: {ratio: 0.5}}}}}'],
  ['traces: {limits: {event_count_limit: 5}}'],
  ['traces: {processors: [{batch: {exporter: {otlp: {protocol: grpc, endpoint: "http://x:1"}}}}]}'],
  ['traces: {processors: [{simple: {exporter: {zipkin: {endpoint: "http://x:9411", timeout: 5}}}}]}'],
  ['traces: {processors: [{batch: {delay: 1}}]}', /invalid keys: delay/],
  ['traces: {processors: [{batch: {max_queue_size: many}}]}', /expected type 'int'/],
  ['traces: {sampler: always_on}', /expected a map or struct/],
  ['metrics: {level: detailed, views: [{selector: {instrument_name: a}, stream: {aggregation: {drop: {}}}}]}'],
  ['metrics: {level: detailed, views: [{selector: {name: a}}]}', /invalid keys: name/],
  ['metrics: {views: []}', /views can only be set when/],
  ['resource: {detectors: {attributes: {included: ["os.*"]}}}'],
  ['resource: {detectors: [env]}', /expected a map or struct/],
];

for (const [body, refused] of TELEMETRY) {
  const metrics = body.startsWith('metrics:') ? '' : ', metrics: {level: none}';
  verdict(body, using('processors', 'batch', '{}').replace('metrics: {level: none}', `${body}${metrics}`), refused);
}
