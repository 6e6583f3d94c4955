import type { Admin, KafkaConfig, Message, Producer, SASLOptions, Transaction } from 'kafkajs';
import kafkajs from 'kafkajs';
import type {
  ClientOptions,
  Codec,
  KafkaDriver,
  KafkaProducer,
  OutgoingRecord,
  ProducerOptions,
  Sasl,
} from './client.ts';
import { kafkaError } from './errors.ts';
import { registerCodecs } from './kafkajs-codecs.ts';
import { joinGroup } from './kafkajs-consumer.ts';
import { Turns } from './turns.ts';

const { CompressionTypes, Kafka, logLevel } = kafkajs;

const COMPRESSION: Readonly<Record<Codec, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

/** The client `kafkajs`. */
export const kafkajsDriver: KafkaDriver = {
  producer: (options) => new KafkajsProducer(options),
  async listTopics(options) {
    const admin: Admin = clientOf(options).admin();
    try {
      await admin.connect();
      return await admin.listTopics();
    } catch (error) {
      throw kafkaError('topics cannot be listed', error);
    } finally {
      await admin.disconnect().catch(() => {});
    }
  },
  join: (options, topics, handler, lost) => joinGroup(clientOf(options), options, topics, handler, lost),
};

function clientOf(options: ClientOptions): InstanceType<typeof Kafka> {
  registerCodecs();
  const config: KafkaConfig = {
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...(options.tls === undefined ? {} : { ssl: options.tls }),
    ...(options.sasl === undefined ? {} : { sasl: saslOf(options.sasl) }),
    connectionTimeout: options.requestTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: { retries: options.retries, initialRetryTime: options.retryDelayMs, maxRetryTime: options.requestTimeoutMs },
    logLevel: logLevel.WARN,
    // what it warns of comes back as an error, or goes away
    logCreator:
      () =>
      ({ namespace, log: { message, error } }) =>
        options.logger.debug('Kafka client', { client: 'kafkajs', namespace, text: message, error }),
  };
  return new Kafka(config);
}

function saslOf(sasl: Sasl): SASLOptions {
  if (sasl.mechanism === 'OAUTHBEARER') {
    return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await sasl.token() }) };
  }
  const mechanism = sasl.mechanism.toLowerCase() as 'plain' | 'scram-sha-256' | 'scram-sha-512';
  return { mechanism, username: sasl.username, password: sasl.password } as SASLOptions;
}

class KafkajsProducer implements KafkaProducer {
  readonly #options: ProducerOptions;
  readonly #turns = new Turns();
  #producer: Producer;
  #connected: Promise<void> | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#producer = create(options);
  }

  send(records: readonly OutgoingRecord[]): Promise<void> {
    const { idempotent, transactionalId } = this.#options;
    if (!idempotent && transactionalId === '') return this.#send(records);
    return this.#turns.take(() => this.#sendOnce(records));
  }

  async close(): Promise<void> {
    await this.#connected?.catch(() => {});
    await this.#producer.disconnect();
  }

  async #send(records: readonly OutgoingRecord[]): Promise<void> {
    try {
      this.#connected ??= this.#producer.connect();
      await this.#connected;
    } catch (error) {
      this.#connected = undefined;
      throw kafkaError('no broker can be reached', error);
    }
    try {
      if (this.#options.transactionalId !== '') await this.#transact(records);
      else await this.#producer.sendBatch(this.#batch(records));
    } catch (error) {
      throw kafkaError('records were not stored', error);
    }
  }

  /**
   * After a failure the client gives the same sequence numbers to other records. If the broker has those that failed,
   * it takes the others for a repetition and drops them, acknowledged: so a failure ends the producer and its id.
   */
  async #sendOnce(records: readonly OutgoingRecord[]): Promise<void> {
    try {
      await this.#send(records);
    } catch (error) {
      const broken = this.#producer;
      this.#producer = create(this.#options);
      this.#connected = undefined;
      await broken.disconnect().catch(() => {});
      throw error;
    }
  }

  async #transact(records: readonly OutgoingRecord[]): Promise<void> {
    const transaction: Transaction = await this.#producer.transaction();
    try {
      await transaction.sendBatch(this.#batch(records));
      await transaction.commit();
    } catch (error) {
      if (transaction.isActive()) await transaction.abort().catch(() => {});
      throw error;
    }
  }

  #batch(records: readonly OutgoingRecord[]) {
    const topics = new Map<string, Message[]>();
    for (const { topic, key, value, headers } of records) {
      const messages = topics.get(topic) ?? [];
      if (messages.length === 0) topics.set(topic, messages);
      messages.push({ key: key ?? null, value, headers: headersOf(headers) });
    }
    const { acks, codec, requestTimeoutMs } = this.#options;
    return {
      topicMessages: [...topics].map(([topic, messages]) => ({ topic, messages })),
      acks,
      timeout: requestTimeoutMs,
      compression: COMPRESSION[codec],
    };
  }
}

function create(options: ProducerOptions): Producer {
  const { transactionalId, autoCreateTopics, metadataMaxAgeMs, partitioner } = options;
  const idempotent = options.idempotent || transactionalId !== '';
  return clientOf(options).producer({
    allowAutoTopicCreation: autoCreateTopics,
    metadataMaxAge: metadataMaxAgeMs,
    idempotent,
    ...(idempotent ? { maxInFlightRequests: 1 } : {}),
    ...(transactionalId === '' ? {} : { transactionalId }),
    createPartitioner:
      () =>
      ({ topic, partitionMetadata, message }) =>
        partitioner(topic, message.key === null ? undefined : (message.key as Buffer), partitionMetadata.length),
  });
}

function headersOf(headers: OutgoingRecord['headers']): Record<string, string[]> {
  const values: Record<string, string[]> = {};
  for (const [key, value] of headers) {
    values[key] ??= [];
    values[key].push(value);
  }
  return values;
}
