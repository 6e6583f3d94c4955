import type { Clock, Timer } from '../../core/clock.ts';
import type { LogFields } from '../../core/logger.ts';
import { type AnyValue, encodeTree, type KeyValue, type LogRecord, type LogsTree } from '../../core/otlp/tree.ts';
import { toPlain } from './log-encoding.ts';
import { resourceOf, SCOPE, toOtlpJson } from './otlp-payload.ts';
import { type OtlpSender, otlpSender } from './otlp-sender.ts';
import type { LogLevel, LogProcessorSettings } from './types.ts';

export interface LogExportContext {
  readonly resource: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly print: (line: string) => void;
  /** Told to the log, but not exported again. */
  readonly onError: (message: string, error: Error) => void;
}

/** Defaults of the OpenTelemetry SDK for its batch processor. */
const SCHEDULE_DELAY_MS = 1000;
const EXPORT_TIMEOUT_MS = 30_000;
const MAX_QUEUE = 2048;
const MAX_BATCH = 512;

/** Sends the lines of the log on as OTLP log records. Lines beyond the queue are dropped, they are in the outputs. */
export class LogExport {
  readonly #context: LogExportContext;
  readonly #settings: LogProcessorSettings;
  readonly #sender: OtlpSender | undefined;
  readonly #queue: LogRecord[] = [];
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(context: LogExportContext, settings: LogProcessorSettings) {
    this.#context = context;
    this.#settings = settings;
    const { otlp } = settings.exporter;
    if (otlp !== undefined) this.#sender = otlpSender('logs', otlp, context.userAgent);
  }

  add(level: LogLevel, message: string, fields: LogFields): void {
    if (this.#queue.length >= (this.#settings.max_queue_size ?? MAX_QUEUE)) return;
    this.#queue.push(logRecord(this.#context.clock.nowNanos(), level, message, fields));
    this.#timer ??= this.#context.clock.after(this.#settings.schedule_delay ?? SCHEDULE_DELAY_MS, () => {
      this.#timer = undefined;
      this.#running = (this.#running ?? Promise.resolve()).then(() => this.#flush());
    });
  }

  /** Sends what is there. Lines that come later are dropped. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#running;
    await this.#flush();
    await this.#sender?.close();
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#send(this.#queue.splice(0, this.#settings.max_export_batch_size ?? MAX_BATCH));
    }
  }

  async #send(logRecords: LogRecord[]): Promise<void> {
    const { resource, print, onError } = this.#context;
    const { otlp, console: printing } = this.#settings.exporter;
    const scopeLogs = [{ scope: SCOPE, logRecords, schemaUrl: '' }];
    const tree: LogsTree = { resourceLogs: [{ resource: resourceOf(resource), scopeLogs, schemaUrl: '' }] };
    if (printing !== undefined) print(toOtlpJson(tree));
    try {
      const payload = otlp?.protocol === 'http/json' ? Buffer.from(toOtlpJson(tree)) : encodeTree('logs', tree);
      const timeout = otlp?.timeout ?? this.#settings.export_timeout ?? EXPORT_TIMEOUT_MS;
      await this.#sender?.send(payload, timeout);
    } catch (error) {
      onError('Failed to export own logs', error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** Numbers of OTLP's SeverityNumber. */
const SEVERITIES: Readonly<Partial<Record<LogLevel, number>>> = { debug: 5, info: 9, warn: 13, error: 17 };
const NO_ID = Buffer.alloc(0);

function logRecord(time: bigint, level: LogLevel, message: string, fields: LogFields): LogRecord {
  return {
    timeUnixNano: time,
    observedTimeUnixNano: time,
    severityNumber: SEVERITIES[level] ?? 0,
    severityText: level,
    body: { stringValue: message },
    attributes: keyValues(toPlain(fields) as object),
    droppedAttributesCount: 0,
    flags: 0,
    traceId: NO_ID,
    spanId: NO_ID,
    eventName: '',
  };
}

function keyValues(fields: object): KeyValue[] {
  return Object.entries(fields).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: unknown): AnyValue {
  switch (typeof value) {
    case 'string':
      return { stringValue: value };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: BigInt(value) } : { doubleValue: value };
    default:
      if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
      return value === null || typeof value !== 'object' ? {} : { kvlistValue: { values: keyValues(value) } };
  }
}
