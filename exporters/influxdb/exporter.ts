import { STATUS_CODES } from 'node:http';
import type { Exporter, Settings } from '../../core/component.ts';
import { Secret } from '../../core/config/secret.ts';
import { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import type { PushContext } from '../../core/exporter-helper/types.ts';
import { type HttpAnswer, HttpClient } from '../../core/http/client.ts';
import { statusCodeOf } from '../../core/http/grpc-status.ts';
import { retryAfter } from '../../core/http/retry-after.ts';
import { userAgent } from '../../core/http/user-agent.ts';
import { halve, LineWriter, type Payload } from '../../core/line-protocol/line-writer.ts';
import type { MetricDefinition } from '../../core/meter.ts';
import { dialReason } from '../../core/net/dial-error.ts';
import type { Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, SCHEMAS } from './config.ts';
import { LogLines } from './logs.ts';
import { MetricLines } from './metrics.ts';
import { TraceLines } from './traces.ts';

/** Writes a batch as lines. `skip` hears why an item makes none. */
export interface Lines {
  write(batch: Telemetry, skip: (reason: string) => void): void;
}

const REJECTED: MetricDefinition = {
  name: 'otelcol_exporter_influxdb_rejected_lines',
  description: 'Lines that InfluxDB did not take, and items that make no line',
  unit: '{lines}',
};
/** Further requests that one batch may cause where InfluxDB refuses lines, to find which ones. */
const MAX_HALVINGS = 100;
/** Different reasons of refused lines are logged once each; so many are told apart. */
const MAX_REASONS = 100;
const MAX_LOGGED = 500;

export function influxdbExporter(settings: Settings, config: Config): Exporter {
  if (settings.signals.includes('metrics') && !(SCHEMAS as readonly string[]).includes(config.metrics_schema)) {
    throw new Error(`schema '${config.metrics_schema}' not recognized`);
  }
  const sender = new InfluxSender(settings, config, writeUrl(config));
  return exporterWith(settings, config, (batch, context) => sender.push(batch, context), {
    start: (host) => sender.client.start(host),
    shutdown: () => sender.client.close(),
  });
}

/** A path in the endpoint is kept: then it is the URL of an interface that is not where InfluxDB has it. */
function writeUrl({ endpoint, v1_compatibility: v1, org, bucket, precision }: Config): string {
  if (endpoint === '') throw new Error('endpoint must be specified');
  if (!URL.canParse(endpoint)) throw new Error(`endpoint ${JSON.stringify(endpoint)} is not a URL`);
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = v1.enabled ? '/write' : '/api/v2/write';
  if (v1.enabled) url.searchParams.set('db', v1.db);
  else {
    url.searchParams.set('bucket', bucket);
    url.searchParams.set('org', org);
  }
  url.searchParams.set('precision', precision);
  return url.href;
}

/** The token, or user and password, take the place of a header the user set. */
function withCredentials(config: Config): Config {
  const { v1_compatibility: v1, token } = config;
  const basic = (password: string) => `Basic ${Buffer.from(`${v1.username}:${password}`).toString('base64')}`;
  const credentials = v1.enabled
    ? v1.username !== '' && v1.password && basic(v1.password.reveal())
    : token && `Token ${token.reveal()}`;
  if (!credentials) return config;
  const others = [...config.headers].filter(([name]) => name.toLowerCase() !== 'authorization');
  return { ...config, headers: new Map([...others, ['Authorization', new Secret(credentials)]]) };
}

class InfluxSender {
  readonly client: HttpClient;
  readonly #settings: Settings;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #writer: LineWriter;
  readonly #lines: Readonly<Record<Signal, Lines>>;
  /** What of a batch is still to be written, for the next attempt. */
  readonly #left = new WeakMap<Telemetry, Payload[]>();
  readonly #reasons = new Set<string>();

  constructor(settings: Settings, config: Config, url: string) {
    this.client = new HttpClient(withCredentials(config), settings);
    this.#settings = settings;
    this.#url = url;
    this.#headers = {
      'content-type': 'text/plain; charset=utf-8',
      // a user with headers of one's own gets the usual name
      'user-agent': config.headers.size === 0 ? 'OpenTelemetry -> Influx' : userAgent(settings.build),
    };
    this.#writer = new LineWriter(config.payload_max_lines, config.payload_max_bytes);
    this.#lines = {
      traces: new TraceLines(config, this.#writer),
      metrics: new MetricLines(config, this.#writer),
      logs: new LogLines(config, this.#writer, settings.clock),
    };
  }

  async push(batch: Telemetry, context: PushContext): Promise<void> {
    let left = this.#left.get(batch);
    if (left === undefined) {
      left = this.#payloads(batch);
      this.#left.set(batch, left);
    }
    let halvings = 0;
    for (let payload = left[0]; payload !== undefined; payload = left[0]) {
      const refused = await this.#post(payload, batch, context);
      // an attempt that was given up may have been answered while the next one was under way
      if (left[0] !== payload) continue;
      left.shift();
      if (refused === undefined) continue;
      const halves = halvings++ < MAX_HALVINGS ? halve(payload) : undefined;
      if (halves === undefined) this.#reject(payload.ends.length, refused);
      else left.unshift(...halves);
    }
  }

  #payloads(batch: Telemetry): Payload[] {
    const skipped = new Map<string, number>();
    const skip = (reason: string) => skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    try {
      this.#lines[batch.signal].write(batch, skip);
    } catch (error) {
      // or a half of it would go with the next batch
      this.#writer.payloads();
      throw error;
    }
    for (const [reason, items] of skipped) this.#reject(items, reason);
    return this.#writer.payloads();
  }

  /** Returns why InfluxDB took nothing, where that is for lines in the payload and others may be good. */
  async #post({ bytes }: Payload, batch: Telemetry, { abort }: PushContext): Promise<string | undefined> {
    let answer: HttpAnswer;
    try {
      answer = await this.client.post(this.#url, this.#headers, [bytes], { abort, context: batch.context });
    } catch (error) {
      const message = `failed to make an HTTP request: Post ${JSON.stringify(this.#url)}: ${dialReason(error)}`;
      throw new PipelineError(message, { cause: error });
    }
    if (answer.status >= 200 && answer.status <= 299) return undefined;
    const message = messageOf(answer);
    if (/partial write:/.test(message)) {
      this.#reject(Number(/dropped=(\d+)/.exec(message)?.[1] ?? 0), message);
      return undefined;
    }
    if (answer.status === 413) return message === '' ? 'the request is too large' : message;
    if (answer.status === 400 && /unable to parse|max key length/.test(message)) return message;
    throw failure(answer, this.#settings.clock.now());
  }

  #reject(lines: number, reason: string): void {
    const { meter, logger } = this.#settings;
    meter.counter(REJECTED).add(lines);
    // names, values and numbers differ from line to line, the reason is the same
    const kind = reason.replace(/'[^']*'|"[^"]*"|\d+/g, '').slice(0, MAX_LOGGED);
    if (this.#reasons.has(kind) || this.#reasons.size >= MAX_REASONS) return;
    this.#reasons.add(kind);
    const fields = { reason: reason.slice(0, MAX_LOGGED), lines, metric: REJECTED.name };
    logger.warn('Lines are not in InfluxDB, the others are. Further ones for this reason are only counted', fields);
  }
}

/** What InfluxDB says: a message in JSON, or plain text. */
function messageOf({ body }: HttpAnswer): string {
  const text = body.toString('utf8');
  try {
    const { message, error } = JSON.parse(text) as { message?: unknown; error?: unknown };
    return String(message ?? error ?? text);
  } catch {
    return text.trim();
  }
}

/** Anything else but 2xx. What a server may get over is tried again. */
function failure(answer: HttpAnswer, nowMs: number): PipelineError {
  const { status, headers, body } = answer;
  const text = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const retryAfterMs = retryAfter(headers['retry-after'], nowMs);
  const permanent = status < 500 && status !== 429 && status !== 408;
  const quoted = [text, body.toString('utf8').slice(0, MAX_LOGGED)].map((part) => JSON.stringify(part));
  return new PipelineError(`line protocol write returned ${quoted.join(' ')}`, {
    code: statusCodeOf(status),
    permanent,
    ...(retryAfterMs === undefined || permanent ? {} : { retryAfterMs }),
  });
}
