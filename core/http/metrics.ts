import type { Clock } from '../clock.ts';
import type { Histogram, HistogramDefinition, Meter } from '../meter.ts';
import { splitHostPort } from '../net/listen.ts';
import type { HttpHandler, HttpRequest } from './types.ts';

/**
 * `http_server_*` and `http_client_*`, which the collector has at level `detailed`.
 * Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 */

const DURATIONS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const SIZES = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];

const duration = (side: 'server' | 'client'): HistogramDefinition => ({
  name: `http.${side}.request.duration`,
  description: `Duration of HTTP ${side} requests.`,
  unit: 's',
  level: 'detailed',
  bounds: DURATIONS,
});
const size = (side: 'server' | 'client', what: 'request' | 'response'): HistogramDefinition => ({
  name: `http.${side}.${what}.body.size`,
  description: `Size of HTTP ${side} ${what} bodies.`,
  unit: 'By',
  level: 'detailed',
  bounds: SIZES,
});

const SERVER_DURATION = duration('server');
const SERVER_REQUEST_SIZE = size('server', 'request');
const SERVER_RESPONSE_SIZE = size('server', 'response');
const CLIENT_DURATION = duration('client');
const CLIENT_REQUEST_SIZE = size('client', 'request');

/** Where the server is, or the client sends; the same for all its requests. */
export interface HttpEndpointLabels {
  readonly address: string;
  readonly port: number;
  readonly scheme: 'http' | 'https';
}

/** Labels for a server by its configuration; the `Host` of requests would let clients make labels. */
export function endpointLabels(endpoint: string, tls: boolean): HttpEndpointLabels {
  const scheme = tls ? 'https' : 'http';
  try {
    const { host, port } = splitHostPort(endpoint, '');
    return { address: host, port, scheme };
  } catch {
    // a socket in the file system
    return { address: endpoint, port: 0, scheme };
  }
}

const common = ({ address, port, scheme }: HttpEndpointLabels): Record<string, string> => ({
  'network.protocol.name': 'http',
  'network.protocol.version': '1.1',
  'server.address': address,
  'server.port': String(port),
  'url.scheme': scheme,
});

/** Other methods count as one, so that clients cannot make series. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

export interface ServerMetricsOptions {
  readonly meter: Meter;
  readonly clock: Clock;
  readonly labels: HttpEndpointLabels;
  /** The paths that are served; other requests have no route. */
  readonly routes: readonly string[];
}

/** The handler with its requests measured; the handler itself where the level leaves these metrics out. */
export function measureServer(handler: HttpHandler, options: ServerMetricsOptions): HttpHandler {
  const { meter, clock, routes } = options;
  if (!meter.enabled(SERVER_DURATION)) return handler;
  const fixed = common(options.labels);
  const series = new Map<string, readonly [duration: Histogram, received: Histogram, sent: Histogram]>();
  const histograms = ({ method, path, version }: HttpRequest, status: number) => {
    const known = METHODS.has(method) ? method : '_OTHER';
    const route = routes.includes(path) ? path : '';
    const key = `${known} ${status} ${version} ${route}`;
    let found = series.get(key);
    if (found === undefined) {
      const labels = {
        ...fixed,
        'network.protocol.version': version,
        'http.request.method': known,
        'http.response.status_code': String(status),
        ...(route === '' ? {} : { 'http.route': route }),
      };
      const definitions = [SERVER_DURATION, SERVER_REQUEST_SIZE, SERVER_RESPONSE_SIZE] as const;
      const [took, received, sent] = definitions.map((definition) => meter.histogram(definition, labels));
      found = [took as Histogram, received as Histogram, sent as Histogram];
      series.set(key, found);
    }
    return found;
  };
  return (request) => {
    const start = clock.monotonic();
    const bytes = request.body.end - request.body.start;
    const respond = request.respond.bind(request);
    request.respond = (response) => {
      const [took, received, sent] = histograms(request, response.status);
      took.record((clock.monotonic() - start) / 1000);
      received.record(bytes);
      sent.record(response.body.length);
      respond(response);
    };
    handler(request);
  };
}

/** For clients: measures each exchange; does nothing more where the level leaves these metrics out. */
export class HttpClientMetrics {
  readonly #meter: Meter;
  readonly #clock: Clock;
  readonly #enabled: boolean;

  constructor(meter: Meter, clock: Clock) {
    this.#meter = meter;
    this.#clock = clock;
    this.#enabled = meter.enabled(CLIENT_DURATION);
  }

  /** `bytes` is the size of the body as sent. */
  async measure<T extends { readonly status: number }>(
    method: string,
    url: URL,
    bytes: number,
    exchange: () => Promise<T>,
  ): Promise<T> {
    if (!this.#enabled) return exchange();
    const start = this.#clock.monotonic();
    try {
      const answer = await exchange();
      // a refusal is an answer: it has a status and no error.type
      this.#record(method, url, bytes, start, { 'http.response.status_code': String(answer.status) });
      return answer;
    } catch (error) {
      this.#record(method, url, bytes, start, { 'error.type': errorType(error) });
      throw error;
    }
  }

  #record(method: string, url: URL, bytes: number, start: number, outcome: Readonly<Record<string, string>>): void {
    const secure = url.protocol === 'https:';
    const labels = {
      ...common({
        address: url.hostname,
        port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
        scheme: secure ? 'https' : 'http',
      }),
      'http.request.method': method,
      ...outcome,
    };
    this.#meter.histogram(CLIENT_DURATION, labels).record((this.#clock.monotonic() - start) / 1000);
    this.#meter.histogram(CLIENT_REQUEST_SIZE, labels).record(bytes);
  }
}

/** The code of a system error (`ECONNREFUSED`), else the class of the error: a short list either way. */
function errorType(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : error.name;
}
