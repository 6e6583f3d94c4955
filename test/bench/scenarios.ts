import { fileURLToPath } from 'node:url';

/** What is measured: a pipeline and how it is loaded. */
export interface Scenario {
  readonly name: string;
  readonly protocol: 'grpc' | 'http';
  readonly spansPerRequest: number;
  /** Of the run's number of spans, because small requests take longer. */
  readonly share: number;
  /** Of PROCESSORS, in the order of the pipeline. */
  readonly processors: readonly string[];
  /**
   * What is at the other end: `all` spans that were sent, `some`, the same with every collector, or a page of metrics
   * that counts them. `all` unless set.
   */
  readonly arrives?: 'all' | 'some' | 'counted';
  /** The least time from the last request to the end, where something happens on a timer. */
  readonly settleMs?: number;
  /** Not faster than this; as fast as accepted unless set. */
  readonly spansPerSecond?: number;
  /** Whether the sending queue is on disk. */
  readonly onDisk?: boolean;
  /** Whether the receiver speaks TLS; gRPC only. */
  readonly tls?: boolean;
}

const LIMITED = ['memory_limiter', 'batch'];

export const SCENARIOS: readonly Scenario[] = [
  { name: 'passthrough', protocol: 'grpc', spansPerRequest: 100, share: 1, processors: [] },
  { name: 'tls', protocol: 'grpc', spansPerRequest: 100, share: 1, processors: [], tls: true },
  { name: 'batch', protocol: 'grpc', spansPerRequest: 100, share: 1, processors: LIMITED },
  { name: 'one-span', protocol: 'grpc', spansPerRequest: 1, share: 1 / 8, processors: LIMITED },
  { name: 'http', protocol: 'http', spansPerRequest: 100, share: 1, processors: LIMITED },
  {
    name: 'attributes',
    protocol: 'grpc',
    spansPerRequest: 100,
    share: 1,
    processors: ['memory_limiter', 'resource', 'attributes', 'batch'],
  },
  {
    name: 'attributes-regexp',
    protocol: 'grpc',
    spansPerRequest: 100,
    share: 1,
    processors: ['memory_limiter', 'attributes/regexp', 'batch'],
  },
  {
    name: 'sampler',
    protocol: 'grpc',
    spansPerRequest: 100,
    share: 1,
    processors: ['memory_limiter', 'probabilistic_sampler', 'batch'],
    arrives: 'some',
  },
  {
    name: 'tail-sampling',
    protocol: 'grpc',
    spansPerRequest: 100,
    share: 1,
    processors: ['tail_sampling', 'batch'],
    arrives: 'some',
    settleMs: 7000,
    spansPerSecond: 40_000,
  },
  { name: 'spanmetrics', protocol: 'grpc', spansPerRequest: 100, share: 1, processors: [], arrives: 'counted' },
  { name: 'queue-on-disk', protocol: 'grpc', spansPerRequest: 100, share: 1, processors: [], onDisk: true },
];

/** Both collectors are told the same. */
const PROCESSORS: Readonly<Record<string, string>> = {
  memory_limiter: '{ check_interval: 1s, limit_mib: 1500, spike_limit_mib: 300 }',
  batch: '{ timeout: 1s, send_batch_size: 1024, send_batch_max_size: 2048 }',
  resource: `
    attributes:
      - { key: deployment.environment, value: bench, action: upsert }
      - { key: collector.name, value: edge-1, action: upsert }`,
  attributes: `
    actions:
      - { key: thread.name, action: delete }
      - { key: user.id, action: hash }
      - { key: bench.region, value: eu-west-1, action: insert }`,
  probabilistic_sampler: '{ sampling_percentage: 10 }',
  tail_sampling: `
    decision_wait: 5s
    num_traces: 100000
    policies:
      - { name: errors, type: status_code, status_code: { status_codes: [ERROR] } }
      - { name: slow, type: latency, latency: { threshold_ms: 1000 } }
      - { name: rest, type: probabilistic, probabilistic: { sampling_percentage: 1 } }`,
  'attributes/regexp': `
    include:
      match_type: regexp
      services: ["^[a-z-]+$"]
      span_names: ["^GET /", "(checkout|pay)$", "[0-9]+"]
    actions:
      - { key: thread.name, action: delete }
      - { key: bench.region, value: eu-west-1, action: insert }`,
};

/** The dimensions that most users add. */
const SPAN_METRICS = `
    dimensions: [{ name: http.method, default: GET }, { name: http.status_code }, { name: http.route }]
    metrics_flush_interval: 1s`;

const file = (name: string): string => fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url));
const TLS = `{ cert_file: "${file('server.crt')}", key_file: "${file('server.key')}" }`;

export interface Ports {
  readonly grpc: number;
  readonly http: number;
  readonly metrics: number;
  readonly sinkGrpc: number;
  readonly sinkHttp: number;
  readonly page: number;
}

/** A configuration that weir and the reference collector take alike; a queue on disk is in `folder`. */
export function configuration(scenario: Scenario, ports: Ports, folder: string): string {
  const { protocol, processors, arrives, onDisk, tls } = scenario;
  const counted = arrives === 'counted';
  const common = `compression: none${onDisk ? ', sending_queue: { storage: file_storage }' : ''}`;
  const exporter = counted
    ? `prometheus: { endpoint: "127.0.0.1:${ports.page}" }`
    : protocol === 'grpc'
      ? `otlp: { endpoint: "127.0.0.1:${ports.sinkGrpc}", tls: { insecure: true }, ${common} }`
      : `otlphttp: { endpoint: "http://127.0.0.1:${ports.sinkHttp}", ${common} }`;
  return `${onDisk ? `extensions: { file_storage: { directory: "${folder}" } }\n` : ''}receivers:
  otlp:
    protocols:
      grpc: { endpoint: "127.0.0.1:${ports.grpc}"${tls ? `, tls: ${TLS}` : ''} }
      http: { endpoint: "127.0.0.1:${ports.http}" }
processors:
${processors.map((id) => `  ${id}: ${PROCESSORS[id]}\n`).join('')}exporters:
  ${exporter}
connectors:
${counted ? `  span_metrics: ${SPAN_METRICS}\n` : ''}service:
  extensions: [${onDisk ? 'file_storage' : ''}]
  telemetry:
    logs: { level: warn }
    metrics:
      readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${ports.metrics} } } } }]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [${processors.join(', ')}]
      exporters: [${counted ? 'span_metrics' : protocol === 'grpc' ? 'otlp' : 'otlphttp'}]
${counted ? '    metrics: { receivers: [span_metrics], exporters: [prometheus] }\n' : ''}`;
}
