import { type Checkpoints, checkpoints } from '../../core/checkpoint.ts';
import type { Timer } from '../../core/clock.ts';
import type { Exporter, Host, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import { PartialFailure } from '../../core/exporter-helper/types.ts';
import type { Codec, KafkaDriver, KafkaProducer, Partitioner, ProducerOptions } from '../../core/kafka/client.ts';
import { checkLogin, clientOptions, followCertificates } from '../../core/kafka/client-options.ts';
import { type DriverName, loadDriver } from '../../core/kafka/driver.ts';
import { isAbsence } from '../../core/kafka/errors.ts';
import { fnv1a, murmur2, roundRobin, stickyKey } from '../../core/kafka/partitioner.ts';
import { ITEM_NAME, type Signal } from '../../core/signal.ts';
import type { StreamOrigin } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { Keys } from './keys.ts';
import { SentMetrics } from './metrics.ts';
import { ENCODINGS, type Encoded, encode, isUnwritable, nameOf, weight } from './records.ts';

/** `load` is for tests. */
export function kafkaExporter(settings: Settings, config: Config, load: Load = loadDriver): Exporter {
  const sender = new KafkaSender(settings, config, load);
  return exporterWith(settings, config, (batch) => sender.push(batch), {
    start: (host) => sender.start(host),
    shutdown: () => sender.shutdown(),
  });
}

type Load = (name: DriverName) => Promise<Pick<KafkaDriver, 'producer'>>;

interface Lane {
  readonly keys: Keys;
  readonly staticHeaders: readonly (readonly [string, string])[];
}

class KafkaSender {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #load: Load;
  readonly #metrics: SentMetrics;
  readonly #lanes = new Map<Signal, Lane>();
  readonly #partitioner: Partitioner;
  readonly #turn: () => void;
  /** How often brokers refused what is tried again. */
  readonly #refusals = new WeakMap<Telemetry, number>();
  #producer: KafkaProducer | undefined;
  /** Takes the records where they go out with checkpoints. */
  #keeper: Checkpoints | undefined;
  #reload: Timer | undefined;

  constructor(settings: Settings, config: Config, load: Load) {
    this.#settings = settings;
    this.#config = config;
    this.#load = load;
    this.#metrics = new SentMetrics(settings);
    checkSupported(settings, config);
    const staticHeaders = config.record_headers.map(({ name, value }) => [name, value?.reveal() ?? ''] as const);
    for (const signal of settings.signals) this.#lanes.set(signal, { keys: new Keys(signal, config), staticHeaders });
    const { sticky_key: sticky, round_robin: robin, least_backup: least } = config.record_partitioner ?? {};
    if (robin !== undefined || least !== undefined) {
      this.#partitioner = roundRobin();
      this.#turn = () => {};
    } else {
      const partitioner = stickyKey(sticky?.hasher === 'murmur2' ? murmur2 : fnv1a, settings.random);
      this.#partitioner = partitioner;
      this.#turn = partitioner.turn;
    }
  }

  async start(host: Host): Promise<void> {
    const { producer, driver } = this.#config;
    if (this.#config.exactly_once) {
      this.#keeper = checkpoints(host);
      if (this.#keeper?.exactlyOnce !== true) {
        throw new Error('exactly_once needs the extension checkpoint with a section exactly_once');
      }
      return;
    }
    const options: ProducerOptions = {
      ...clientOptions(this.#settings, this.#config, host, this.#config.timeout || DEFAULT_TIMEOUT_MS),
      acks: producer.required_acks as -1 | 0 | 1,
      codec: producer.compression as Codec,
      idempotent: producer.idempotent,
      transactionalId: producer.transactional_id,
      autoCreateTopics: producer.allow_auto_topic_creation,
      partitioner: this.#partitioner,
    };
    this.#producer = (await this.#load(driver)).producer(options);
    this.#reload = followCertificates(this.#settings, this.#config, options);
  }

  async shutdown(): Promise<void> {
    this.#reload?.cancel();
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.close();
  }

  async push(batch: Telemetry): Promise<void> {
    const tooLarge: Telemetry[] = [];
    const origin = this.#keeper === undefined ? undefined : originOf(batch);
    const encoded = this.#encode(batch, tooLarge);
    if (origin !== undefined) {
      this.#emit(origin, encoded, tooLarge);
      return;
    }
    const { failed, error } = await this.#sendAll(encoded);
    const left = [...failed.map(({ part }) => part), ...tooLarge];
    if (left.length === 0) return;
    const reason = error ?? this.#tooLarge(tooLarge);
    if (failed.length === encoded.length) {
      for (const part of left) part.release();
      throw this.#limited(reason, batch, batch);
    }
    const rest = Telemetry.join(left);
    const limited = this.#limited(reason, batch, rest);
    throw new PartialFailure(limited.message, rest, { permanent: limited.permanent });
  }

  /** The records go out with the next checkpoint of the partition that they come from. */
  #emit({ partition, delivery }: StreamOrigin, encoded: readonly Encoded[], tooLarge: readonly Telemetry[]): void {
    // they wait longer than the batch's memory is ours
    const records = encoded.map(({ record }) => ({ ...record, value: Buffer.from(record.value) }));
    const taken = this.#keeper?.emit(partition, records, this.#partitioner, delivery) === true;
    for (const part of [...encoded.map((one) => one.part), ...tooLarge]) part.release();
    this.#turn();
    if (!taken) throw new PipelineError(`partition ${partition} is not open in this process`);
    if (tooLarge.length > 0) throw this.#tooLarge(tooLarge);
  }

  #encode(batch: Telemetry, tooLarge: Telemetry[]): Encoded[] {
    const { signal, context } = batch;
    const lane = this.#lanes.get(signal);
    if (lane === undefined) throw new PipelineError(`no ${signal} pipeline has this exporter`, { permanent: true });
    const { topic, topic_from_metadata_key: topicKey, message_key_from_metadata_key: keyKey } = this.#config[signal];
    const known = (key: string) => (key === '' ? undefined : context.metadata.get(key.toLowerCase())?.[0]);
    const metadataKey = known(keyKey);
    const headers = [...lane.staticHeaders];
    for (const name of this.#config.include_metadata_keys) {
      for (const value of context.metadata.get(name.toLowerCase()) ?? []) headers.push([name, value]);
    }
    return lane.keys.parts(batch).flatMap((part) =>
      encode(
        part.batch,
        {
          topic: known(topicKey) ?? part.topic ?? topic,
          key: metadataKey === undefined || metadataKey === '' ? part.key : Buffer.from(metadataKey),
          headers,
          encoding: this.#config[signal].encoding,
          maxBytes: this.#config.producer.max_message_bytes,
        },
        tooLarge,
      ),
    );
  }

  /**
   * One request after the other, each small enough to be one batch of records. Where one fails for now, those after it
   * are not tried, so that records of a key stay in their order.
   */
  async #sendAll(encoded: readonly Encoded[]): Promise<{ failed: Encoded[]; error: PipelineError | undefined }> {
    const { clock } = this.#settings;
    const failed: Encoded[] = [];
    let error: PipelineError | undefined;
    for (let start = 0; start < encoded.length; ) {
      const end = this.#endOfRequest(encoded, start);
      const request = encoded.slice(start, end);
      const records = request.map(({ record }) => record);
      const began = clock.monotonic();
      try {
        if (this.#producer === undefined) throw new PipelineError('the exporter has been shut down');
        await this.#producer.send(records);
        this.#metrics.sent(records, clock.monotonic() - began, 'success');
        for (const { part } of request) part.release();
      } catch (caught) {
        error = PipelineError.from(caught);
        this.#metrics.sent(records, clock.monotonic() - began, 'failure');
        failed.push(...(error.permanent ? request : encoded.slice(start)));
        if (!error.permanent) break;
      }
      this.#turn();
      start = end;
    }
    return { failed, error };
  }

  #endOfRequest(encoded: readonly Encoded[], start: number): number {
    const { max_message_bytes: maxBytes, flush_max_messages: maxRecords } = this.#config.producer;
    let end = start;
    for (let bytes = 0; end < encoded.length && end - start < maxRecords; end++) {
      bytes += weight((encoded[end] as Encoded).record);
      if (bytes > maxBytes && end > start) break;
    }
    return end;
  }

  /** What cannot be sent whatever is tried is named, so that its sender can be found. */
  #tooLarge([first, ...others]: readonly Telemetry[]): PipelineError {
    const limit = this.#config.producer.max_message_bytes;
    const name = first === undefined ? '' : nameOf(first);
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    const size = first?.byteLength ?? 0;
    const encoding = first === undefined ? '' : this.#config[first.signal].encoding;
    if (first !== undefined && isUnwritable(first, encoding)) {
      const needs = `${encoding} needs ids and an end after the start`;
      return new PipelineError(`${name}${more} cannot be written: ${needs}`, { permanent: true });
    }
    return new PipelineError(`${name}${more}: ${size} bytes do not fit in a message of ${limit}`, { permanent: true });
  }

  /** After `max_retries` a failure is final. Tries while there is no broker do not count: brokers come back. */
  #limited(error: PipelineError, batch: Telemetry, rest: Telemetry): PipelineError {
    const most = this.#config.retry_on_failure.max_retries;
    if (error.permanent || most === 0) return error;
    const refusals = (this.#refusals.get(batch) ?? 0) + (isAbsence(error) ? 0 : 1);
    this.#refusals.set(rest, refusals);
    if (refusals <= most) return error;
    const message = `no more retries left after ${refusals} tries: ${error.message}`;
    return new PipelineError(message, { permanent: true, cause: error });
  }
}

/** Of a request where `timeout` sets no limit. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** Data that does not say where it comes from could not be part of any checkpoint; nothing of it is lost. */
function originOf({ context }: Telemetry): StreamOrigin {
  if (context.stream !== undefined) return context.stream;
  throw new PipelineError(
    'exactly_once: the data does not say which partition it is of; take batch out of the pipeline',
  );
}

/** What the collector has and this exporter does not is said before it starts. */
function checkSupported({ signals }: Settings, config: Config): void {
  checkLogin(config);
  if (config.record_partitioner?.extension !== undefined) {
    throw new Error('record_partitioner::extension is not supported');
  }
  for (const signal of signals) checkEncoding(signal, config[signal].encoding);
}

function checkEncoding(signal: Signal, encoding: string): void {
  if (ENCODINGS[encoding]?.includes(signal) === true) return;
  const known = Object.keys(ENCODINGS).filter((name) => ENCODINGS[name]?.includes(signal));
  const what = ITEM_NAME[signal].replace('_', ' ');
  throw new Error(
    `unrecognized ${signal} encoding ${JSON.stringify(encoding)}; for ${what} there is ${known.join(', ')}`,
  );
}
