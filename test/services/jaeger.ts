import { freePort } from '../support/ports.ts';
import { Service } from './service.ts';

const POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;
/** More than any test writes. */
const LIMIT = '100000';

export interface KeyValue {
  readonly key: string;
  readonly type: string;
  readonly value: unknown;
}

/** A span as the query API gives it; times in microseconds. */
export interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly KeyValue[];
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly KeyValue[] }[];
  readonly process: { readonly serviceName: string; readonly tags: readonly KeyValue[] };
}

interface Trace {
  readonly spans: readonly (Omit<JaegerSpan, 'process'> & { readonly processID: string })[];
  readonly processes: Readonly<Record<string, JaegerSpan['process']>>;
}

export interface JaegerOptions {
  /** Where it takes `PostSpans`. */
  readonly grpcPort?: number;
  /** Whether spans are on disk, so that a restart does not forget them. */
  readonly onDisk?: boolean;
}

/** A real Jaeger. */
export class Jaeger implements AsyncDisposable {
  readonly service: Service;
  /** Takes `PostSpans`. */
  readonly grpcPort: number;
  readonly otlpGrpcPort: number;
  readonly otlpHttpPort: number;

  private constructor(service: Service, ports: readonly [number, number, number]) {
    this.service = service;
    [this.grpcPort, this.otlpGrpcPort, this.otlpHttpPort] = ports;
  }

  static async start(options: JaegerOptions = {}): Promise<Jaeger> {
    const ports = [options.grpcPort ?? (await freePort()), await freePort(), await freePort()] as const;
    const [grpc, otlpGrpc, otlpHttp] = ports.map(String) as [string, string, string];
    const env = {
      GRPC_PORT: grpc,
      OTLP_GRPC_PORT: otlpGrpc,
      OTLP_HTTP_PORT: otlpHttp,
      ON_DISK: options.onDisk === true ? 'yes' : 'no',
    };
    const jaeger = new Jaeger(await Service.start('jaeger', env), ports);
    await jaeger.#ready();
    return jaeger;
  }

  async restart(): Promise<void> {
    await this.service.restart();
    await this.#ready();
  }

  /** All spans of a service, sorted by name. */
  async spans(service: string): Promise<JaegerSpan[]> {
    const { data } = (await this.#get(
      `traces?${new URLSearchParams({ service, limit: LIMIT, lookback: '10000h' })}`,
    )) as {
      data: Trace[];
    };
    const spans = data.flatMap(({ spans: found, processes }) =>
      found.map(({ processID, ...span }) => ({ ...span, process: processes[processID] as JaegerSpan['process'] })),
    );
    return spans.sort((a, b) => (a.operationName < b.operationName ? -1 : 1));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.service[Symbol.asyncDispose]();
  }

  async #get(path: string): Promise<unknown> {
    const answer = await fetch(`http://${this.service.address}/api/${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  }

  /** It answers queries a moment after it listens. */
  async #ready(): Promise<void> {
    const end = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      const error = await this.#get('services').then(
        () => undefined,
        (caught: unknown) => caught,
      );
      if (error === undefined) return;
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
