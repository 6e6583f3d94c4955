import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Admin, type BaseOptions, Producer, type ProducerOptions as TheirOptions } from '@platformatic/kafka';
import type {
  ClientOptions,
  KafkaDriver,
  OutgoingRecord,
  ProducerOptions,
  Sasl,
  TransactionalProducer,
} from './client.ts';
import { kafkaError } from './errors.ts';
import { joinGroup } from './platformatic-consumer.ts';
import { Turns } from './turns.ts';

/** The client `@platformatic/kafka`. */
export const platformaticDriver: KafkaDriver = {
  producer: (options) => new PlatformaticProducer(options),
  async listTopics(options) {
    const admin = new Admin(baseOptions(options));
    try {
      return await admin.listTopics();
    } catch (error) {
      throw kafkaError('topics cannot be listed', error);
    } finally {
      await admin.close().catch(() => {});
    }
  },
  join: (options, topics, handler, lost) => joinGroup(baseOptions(options), options, topics, handler, lost),
};

/** For who needs transactions of several requests, which only this client does well enough. */
export function transactionalProducer(options: ProducerOptions): TransactionalProducer {
  return new PlatformaticProducer(options);
}

/** The part of the options that all its clients have. */
export function baseOptions(options: ClientOptions): BaseOptions {
  return {
    clientId: options.clientId,
    bootstrapBrokers: [...options.brokers],
    connectTimeout: options.requestTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    timeout: options.requestTimeoutMs,
    retries: options.retries,
    retryDelay: options.retryDelayMs,
    metadataMaxAge: options.metadataMaxAgeMs,
    ...(options.tls === undefined ? {} : { tls: options.tls, tlsServerName: serverName(options, options.tls) }),
    ...(options.sasl === undefined ? {} : { sasl: saslOf(options.sasl) }),
  };
}

/** True means the host that is connected to, which TLS does not allow where it is an address. */
function serverName({ brokers }: ClientOptions, tls: ConnectionOptions): string | boolean {
  return tls.servername ?? !brokers.every((broker) => isIP(broker.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) !== 0);
}

function saslOf(sasl: Sasl): NonNullable<BaseOptions['sasl']> {
  if (sasl.mechanism === 'OAUTHBEARER') return { mechanism: 'OAUTHBEARER', token: sasl.token };
  return { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password };
}

class PlatformaticProducer implements TransactionalProducer {
  readonly #options: ProducerOptions;
  #producer: TheirProducer;
  readonly #turns = new Turns();

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#producer = create(options);
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    const { transactionalId, idempotent } = this.#options;
    try {
      if (transactionalId !== '') await this.#turns.take(() => this.#transact([records]));
      // a retry of one send must not come after another one that has the next sequence numbers
      else if (idempotent) await this.#turns.take(() => this.#sendNow(records));
      else await this.#sendNow(records);
    } catch (error) {
      throw kafkaError('records were not stored', error);
    }
  }

  async transact(requests: readonly (readonly OutgoingRecord[])[]): Promise<void> {
    try {
      await this.#turns.take(() => this.#transact(requests));
    } catch (error) {
      throw kafkaError('the transaction was not committed', error);
    }
  }

  async close(): Promise<void> {
    await this.#producer.close(true);
  }

  async #sendNow(records: readonly OutgoingRecord[]): Promise<void> {
    await this.#producer.send({ messages: await this.#assigned(records) });
  }

  async #transact(requests: readonly (readonly OutgoingRecord[])[]): Promise<void> {
    try {
      const transaction = await this.#producer.beginTransaction();
      for (const records of requests) await transaction.send({ messages: await this.#assigned(records) });
      await transaction.commit();
    } catch (error) {
      // what a failure leaves behind in the client is not to be trusted; the next one with this id ends the transaction
      const broken = this.#producer;
      this.#producer = create(this.#options);
      await broken.close(true).catch(() => {});
      throw error;
    }
  }

  /** With their partitions: the client's own partitioner is asked before it knows how many there are. */
  async #assigned(records: readonly OutgoingRecord[]) {
    const topics = [...new Set(records.map(({ topic }) => topic))];
    const metadata = await this.#producer.metadata({ topics, autocreateTopics: this.#options.autoCreateTopics });
    return records.map(({ topic, key, value, headers }) => ({
      topic,
      ...(key === undefined ? {} : { key }),
      value,
      partition: this.#options.partitioner(topic, key, metadata.topics.get(topic)?.partitionsCount ?? 1),
      headers: new Map(headers),
    }));
  }
}

type TheirProducer = Producer<Buffer, Buffer, string, string>;

const utf8 = (text: string | undefined) => (text === undefined ? undefined : Buffer.from(text));

/** So a producer asks for an id; what the client takes instead looks to the broker like one that was fenced. */
const NO_ID = { producerId: -1n, producerEpoch: -1 };

function create(options: ProducerOptions): TheirProducer {
  const { transactionalId } = options;
  const idempotent = options.idempotent || transactionalId !== '';
  return new Producer<Buffer, Buffer, string, string>({
    ...baseOptions(options),
    // fewer than two it takes for "for ever"
    ...(idempotent ? { ...NO_ID, retries: Math.max(2, options.retries) } : {}),
    acks: options.acks,
    compression: options.codec,
    idempotent,
    autocreateTopics: options.autoCreateTopics,
    ...(transactionalId === '' ? {} : { transactionalId }),
    serializers: { headerKey: utf8, headerValue: utf8 },
  } as TheirOptions<Buffer, Buffer, string, string>);
}
