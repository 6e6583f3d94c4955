/** What is measured: a pipeline and how it is loaded. */
export interface Scenario {
  readonly name: string;
  readonly protocol: 'grpc' | 'http';
  readonly spansPerRequest: number;
  /** Of the run's number of spans, because small requests take longer. */
  readonly share: number;
  readonly processors: boolean;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'passthrough', protocol: 'grpc', spansPerRequest: 100, share: 1, processors: false },
  { name: 'batch', protocol: 'grpc', spansPerRequest: 100, share: 1, processors: true },
  { name: 'one-span', protocol: 'grpc', spansPerRequest: 1, share: 1 / 8, processors: true },
  { name: 'http', protocol: 'http', spansPerRequest: 100, share: 1, processors: true },
];

export interface Ports {
  readonly grpc: number;
  readonly http: number;
  readonly metrics: number;
  readonly sinkGrpc: number;
  readonly sinkHttp: number;
}

/** A configuration that weir and the reference collector take alike. */
export function configuration({ protocol, processors }: Scenario, ports: Ports): string {
  const exporter =
    protocol === 'grpc'
      ? `otlp: { endpoint: "127.0.0.1:${ports.sinkGrpc}", tls: { insecure: true }, compression: none }`
      : `otlphttp: { endpoint: "http://127.0.0.1:${ports.sinkHttp}", compression: none }`;
  return `receivers:
  otlp:
    protocols:
      grpc: { endpoint: "127.0.0.1:${ports.grpc}" }
      http: { endpoint: "127.0.0.1:${ports.http}" }
processors:
  memory_limiter: { check_interval: 1s, limit_mib: 1500, spike_limit_mib: 300 }
  batch: { timeout: 1s, send_batch_size: 1024, send_batch_max_size: 2048 }
exporters:
  ${exporter}
service:
  telemetry:
    logs: { level: warn }
    metrics:
      readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${ports.metrics} } } } }]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [${processors ? 'memory_limiter, batch' : ''}]
      exporters: [${protocol === 'grpc' ? 'otlp' : 'otlphttp'}]
`;
}
