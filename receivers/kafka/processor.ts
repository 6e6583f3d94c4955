import type { Settings } from '../../core/component.ts';
import type { Consumer } from '../../core/consumer.ts';
import { PipelineError } from '../../core/error.ts';
import { Backoff } from '../../core/exporter-helper/retry.ts';
import type { IncomingRecord, RecordBatch } from '../../core/kafka/client.ts';
import { type Leases, partitionName } from '../../core/kafka/leases.ts';
import type { AttributeEditor } from '../../core/otlp/edit/attribute-editor.ts';
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import { encodeString } from '../../core/otlp/value-encode.ts';
import type { Signal } from '../../core/signal.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import type { Decode } from './decode.ts';
import type { ConsumedMetrics } from './metrics.ts';

export interface ProcessorOptions {
  readonly settings: Settings;
  readonly config: Config;
  readonly signal: Signal;
  readonly decode: Decode;
  readonly consumer: Consumer;
  readonly metrics: ConsumedMetrics;
  /** Where there are checkpoints. */
  readonly leases: Leases | undefined;
}

/** Whether a record is done … */
interface Marking {
  /** … only after it was handed on. */
  readonly after: boolean;
  /** … when it was refused for now. */
  readonly onError: boolean;
  /** … when it cannot be read or was refused for good. */
  readonly onPermanentError: boolean;
}

/** Records that cannot be read would otherwise keep all that come after them. */
const ACCEPTED: Marking = { after: true, onError: false, onPermanentError: true };

/** Where `error_backoff` is off, a record that is refused for now is handed on again like this. */
const AGAIN = {
  enabled: true,
  initial_interval: 500,
  randomization_factor: 0.5,
  multiplier: 1.5,
  max_interval: 10_000,
  max_elapsed_time: 0,
};

/** Who waits looks so often whether the partition is still its own. */
const LOOK_MS = 200;

type Refusal = 'unreadable' | 'refused';

/** Hands records of a signal to its pipelines, one after the other. */
export class Processor {
  readonly #options: ProcessorOptions;
  readonly #marking: Marking;
  readonly #headers: ReadonlyMap<string, Buffer>;
  readonly #rewriter: Rewriter;
  /** Of the record that is being rewritten. */
  #values: IncomingRecord['headers'] = [];
  /** What was logged last of a partition, so that each change is one line. */
  readonly #trouble = new Map<string, Refusal>();

  constructor(options: ProcessorOptions) {
    this.#options = options;
    const { message_marking: marking, header_extraction: extraction } = options.config;
    this.#marking =
      marking === undefined
        ? ACCEPTED
        : {
            after: marking.after,
            onError: marking.on_error,
            onPermanentError: marking.on_permanent_error ?? marking.on_error,
          };
    const names = extraction.extract_headers ? extraction.headers : [];
    this.#headers = new Map(names.map((name) => [name, Buffer.from(`kafka.header.${name}`)]));
    this.#rewriter = new Rewriter({ resource: (resource) => this.#addHeaders(resource.attributes) });
  }

  /** See RecordHandler. */
  async handle(batch: RecordBatch): Promise<void> {
    const { leases } = this.#options;
    if (leases === undefined) {
      for (const record of batch.records) if (!(await this.#handOn(batch, record))) return;
      return;
    }
    const lease = await leases.of(batch);
    if (lease === undefined) return;
    const { checkpoints } = lease;
    // done is what a checkpoint holds, so neither the record nor its fate is told to the group here
    const held: RecordBatch = { ...batch, done: () => {} };
    for (const record of batch.records) {
      // records before the position of a checkpoint are read again where the group has not heard of it yet
      if (record.offset < lease.next) continue;
      const due = checkpoints.before(record.offset);
      if ((due !== undefined && !(await isReady(due))) || lease.lost) return;
      if (!batch.active()) {
        checkpoints.idle(record.offset);
        return;
      }
      // not idle where it is refused: some of the pipelines may have it, so this is no moment for a checkpoint
      if (!(await this.#handOn(held, record))) return;
      lease.next = record.offset + 1n;
    }
    // where nothing was stored and nothing came, there is no position yet
    if (batch.records.length === 0 && checkpoints.position === undefined) return;
    // not the end of the batch: all of it may be before the position that the state is at
    checkpoints.idle(lease.next);
  }

  /** False: the partition is not ours any more, or stands still. */
  async #handOn(batch: RecordBatch, record: IncomingRecord): Promise<boolean> {
    if (!batch.active()) return false;
    if (!this.#marking.after) batch.done(record);
    const error = await this.#deliver(batch, record);
    if (error === undefined) {
      if (this.#trouble.size > 0) this.#trouble.delete(`${batch.topic} ${batch.partition}`);
      batch.done(record);
      return true;
    }
    if (!batch.active()) return false;
    const { after, onError, onPermanentError } = this.#marking;
    if (after && !(error.permanent ? onPermanentError : onError)) {
      await this.#standStill(batch, record, error);
      return false;
    }
    this.#log(batch, record, error, 'Record was not taken and is passed over');
    batch.done(record);
    return true;
  }

  /** The last refusal; undefined when the pipelines have it. */
  async #deliver(batch: RecordBatch, record: IncomingRecord): Promise<PipelineError | undefined> {
    const { settings, config, consumer } = this.#options;
    const { after, onError } = this.#marking;
    const untilAccepted = after && !onError && !config.error_backoff.enabled;
    const retry = untilAccepted ? AGAIN : config.error_backoff;
    const backoff = new Backoff(retry, settings.random);
    const began = settings.clock.monotonic();
    for (let attempt = 0; ; attempt++) {
      const error = await this.#attempt(consumer, batch, record, attempt);
      if (error === undefined || error.permanent || !retry.enabled || !batch.active()) return error;
      const delay = Math.max(backoff.next(), error.retryAfterMs ?? 0);
      const elapsed = settings.clock.monotonic() - began + delay;
      if (retry.max_elapsed_time > 0 && elapsed > retry.max_elapsed_time) return error;
      this.#log(batch, record, error, 'Record was refused for now and is handed on again');
      await this.#wait(batch, delay);
      if (!batch.active()) return error;
    }
  }

  async #attempt(
    consumer: Consumer,
    batch: RecordBatch,
    record: IncomingRecord,
    attempt: number,
  ): Promise<PipelineError | undefined> {
    let decoded: Telemetry | undefined;
    try {
      decoded = this.#options.decode(record, contextOf(batch, record, attempt));
    } catch (error) {
      this.#options.metrics.unreadable(this.#options.signal, batch.topic, batch.partition);
      return new PipelineError(`cannot be read: ${(error as Error).message}`, { permanent: true, cause: error });
    }
    if (decoded === undefined) return undefined;
    try {
      const result = consumer.consume(this.#withHeaders(decoded, record));
      if (result !== undefined) await result;
      return undefined;
    } catch (error) {
      return PipelineError.from(error);
    }
  }

  #withHeaders(batch: Telemetry, { headers }: IncomingRecord): Telemetry {
    if (this.#headers.size === 0) return batch;
    this.#values = headers;
    return this.#rewriter.rewrite(batch);
  }

  #addHeaders(attributes: Pick<AttributeEditor, 'upsert'>): void {
    for (const [name, value] of this.#values) {
      const key = this.#headers.get(name);
      if (key !== undefined) attributes.upsert(key, encodeString(value.toString()));
    }
  }

  /** Until the partition is given to somebody who may do better. */
  async #standStill(batch: RecordBatch, record: IncomingRecord, error: PipelineError): Promise<void> {
    this.#log(batch, record, error, 'Record was not taken, its partition stands still');
    while (batch.active()) await this.#wait(batch, LOOK_MS);
  }

  async #wait(batch: RecordBatch, ms: number): Promise<void> {
    const { clock } = this.#options.settings;
    for (let left = ms; left > 0 && batch.active(); left -= LOOK_MS) {
      await new Promise<void>((resolve) => {
        clock.after(Math.min(left, LOOK_MS), resolve);
      });
    }
  }

  #log({ topic, partition }: RecordBatch, { offset }: IncomingRecord, error: PipelineError, message: string): void {
    const place = `${topic} ${partition}`;
    const what: Refusal = error.permanent ? 'unreadable' : 'refused';
    if (this.#trouble.get(place) === what) return;
    this.#trouble.set(place, what);
    const { logger } = this.#options.settings;
    logger.error(message, { topic, partition, offset: String(offset), error: error.message });
  }
}

/** False where a checkpoint failed, or the partition is closed. */
async function isReady(checkpoint: Promise<void>): Promise<boolean> {
  try {
    await checkpoint;
    return true;
  } catch {
    return false;
  }
}

/** What the pipeline may ask about a record, under the names of the collector. */
function contextOf(
  { topic, partition }: RecordBatch,
  { offset, headers }: IncomingRecord,
  attempt: number,
): RequestContext {
  const metadata = new Map<string, readonly string[]>([
    ['kafka.topic', [topic]],
    ['kafka.partition', [String(partition)]],
    ['kafka.offset', [String(offset)]],
  ]);
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    metadata.set(key, [...(metadata.get(key) ?? []), value.toString()]);
  }
  const delivery = { position: offset, attempt };
  const stream = { partition: partitionName(topic, partition), watermarked: false, delivery };
  return Object.freeze({ transport: 'kafka', metadata, stream });
}
