import type { Clock } from '../clock.ts';
import type { Histogram, HistogramDefinition, Meter } from '../meter.ts';
import { StatusCode, statusName } from '../status-code.ts';
import { GrpcError } from './grpc-error.ts';
import type { UnaryHandler } from './types.ts';

/**
 * `rpc_server_call_duration` and `rpc_client_call_duration`, which the collector has at level `detailed`.
 * Source: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
 */
const SERVER: HistogramDefinition = {
  name: 'rpc.server.call.duration',
  description: 'Measures the duration of an incoming Remote Procedure Call (RPC).',
  unit: 's',
  level: 'detailed',
  bounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
};
const CLIENT: HistogramDefinition = {
  ...SERVER,
  name: 'rpc.client.call.duration',
  description: 'Measures the duration of an outgoing Remote Procedure Call (RPC).',
};

/** Durations of calls by method and status; both are from short lists, so series are few. */
class CallDurations {
  readonly #meter: Meter;
  readonly #clock: Clock;
  readonly #definition: HistogramDefinition;
  readonly #series = new Map<string, Histogram>();

  constructor(meter: Meter, clock: Clock, definition: HistogramDefinition) {
    this.#meter = meter;
    this.#clock = clock;
    this.#definition = definition;
  }

  /** `method` is the path of the call; `start` is on the monotonic clock. */
  record(method: string, code: StatusCode, start: number): void {
    const key = `${method} ${code}`;
    let histogram = this.#series.get(key);
    if (histogram === undefined) {
      histogram = this.#meter.histogram(this.#definition, {
        'rpc.method': method.slice(1),
        'rpc.response.status_code': statusName(code),
        'rpc.system.name': 'grpc',
      });
      this.#series.set(key, histogram);
    }
    histogram.record((this.#clock.monotonic() - start) / 1000);
  }
}

/** The methods of a server with their calls measured; unchanged where the level leaves the metric out. */
export function measureMethods(
  methods: ReadonlyMap<string, UnaryHandler>,
  meter: Meter,
  clock: Clock,
): ReadonlyMap<string, UnaryHandler> {
  if (!meter.enabled(SERVER)) return methods;
  const durations = new CallDurations(meter, clock, SERVER);
  const measured = (path: string, handler: UnaryHandler): UnaryHandler => {
    return (call) => {
      const start = clock.monotonic();
      const reply = call.reply.bind(call);
      const fail = call.fail.bind(call);
      call.reply = (message) => {
        durations.record(path, StatusCode.OK, start);
        reply(message);
      };
      call.fail = (failure) => {
        durations.record(path, failure.code, start);
        fail(failure);
      };
      handler(call);
    };
  };
  return new Map([...methods].map(([path, handler]) => [path, measured(path, handler)]));
}

/** Runs calls of a client and measures them; does nothing more where the level leaves the metric out. */
export class CallMetrics {
  readonly #clock: Clock;
  readonly #durations: CallDurations | undefined;

  constructor(meter: Meter, clock: Clock) {
    this.#clock = clock;
    if (meter.enabled(CLIENT)) this.#durations = new CallDurations(meter, clock, CLIENT);
  }

  async measure<T>(method: string, call: () => Promise<T>): Promise<T> {
    if (this.#durations === undefined) return call();
    const start = this.#clock.monotonic();
    try {
      const result = await call();
      this.#durations.record(method, StatusCode.OK, start);
      return result;
    } catch (error) {
      this.#durations.record(method, error instanceof GrpcError ? error.code : StatusCode.UNKNOWN, start);
      throw error;
    }
  }
}
