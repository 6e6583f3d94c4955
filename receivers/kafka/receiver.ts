import { checkpoints } from '../../core/checkpoint.ts';
import type { Timer } from '../../core/clock.ts';
import type { Host, Outputs, Receiver, Settings } from '../../core/component.ts';
import { STRATEGIES, type Strategy } from '../../core/kafka/assign.ts';
import type { ConsumerOptions, KafkaDriver, RecordBatch } from '../../core/kafka/client.ts';
import { checkLogin, clientOptions, followCertificates } from '../../core/kafka/client-options.ts';
import { GroupConsumer } from '../../core/kafka/consumer.ts';
import { loadDriver } from '../../core/kafka/driver.ts';
import { Leases } from '../../core/kafka/leases.ts';
import { compileRegexp } from '../../core/regexp.ts';
import type { Signal } from '../../core/signal.ts';
import { type Config, isPattern, strategiesOf } from './config.ts';
import { decoderOf } from './decode.ts';
import { ConsumedMetrics } from './metrics.ts';
import { Processor } from './processor.ts';

/** Of a request to a broker. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How long members may take to come back when the group is divided anew. */
const REBALANCE_TIMEOUT_MS = 60_000;

/** The topics of one signal. */
interface Route {
  readonly topics: readonly string[];
  readonly matches: (topic: string) => boolean;
  readonly processor: Processor;
}

/** Consumes the topics of all signals that pipelines want, as one member of a group. */
export class KafkaReceiver implements Receiver {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #outputs: Outputs;
  readonly #load: (name: Config['driver']) => Promise<KafkaDriver>;
  #consumer: GroupConsumer | undefined;
  #reload: Timer | undefined;

  /** `load` is for tests. */
  constructor(settings: Settings, config: Config, outputs: Outputs, load: typeof loadDriver = loadDriver) {
    this.#settings = settings;
    this.#config = config;
    this.#outputs = outputs;
    this.#load = load;
    checkLogin(config);
    for (const signal of settings.signals) decoderOf(signal, config[signal].encoding);
  }

  async start(host: Host): Promise<void> {
    const leases = this.#leases(host);
    const options = this.#options(host, leases);
    const metrics = new ConsumedMetrics(
      this.#settings,
      this.#config.telemetry.metrics.kafka_receiver_records_delay.enabled,
    );
    const routes = this.#settings.signals.flatMap((signal) => this.#route(signal, metrics, leases));
    const topics = routes.flatMap((route) => route.topics);
    const twice = topics.find((topic, i) => topics.indexOf(topic) < i);
    if (twice !== undefined) throw new Error(`topic ${JSON.stringify(twice)} is named for more than one signal`);
    const patterns = this.#settings.signals.some((signal) => this.#config[signal].topics.some(isPattern));
    const handler = (batch: RecordBatch): Promise<void> => {
      metrics.received(batch);
      const route = routes.find((one) => one.topics.includes(batch.topic) || one.matches(batch.topic));
      return route === undefined ? Promise.resolve() : route.processor.handle(batch);
    };
    const subscription = {
      topics,
      ...(patterns ? { matches: (topic: string) => routes.some((route) => route.matches(topic)) } : {}),
    };
    const driver = await this.#load(this.#config.driver);
    this.#consumer = new GroupConsumer(driver, options, subscription, handler);
    this.#consumer.start();
    this.#reload = followCertificates(this.#settings, this.#config, options);
  }

  async shutdown(): Promise<void> {
    this.#reload?.cancel();
    await this.#consumer?.close();
  }

  /** Checkpoints decide what is done, where there are any. */
  #leases(host: Host): Leases | undefined {
    const keeper = checkpoints(host);
    if (keeper === undefined) return undefined;
    if (this.#config.driver !== 'platformatic') throw new Error('checkpoints need driver: platformatic');
    return new Leases(this.#settings, keeper, (error) => this.#consumer?.restart(error));
  }

  #route(signal: Signal, metrics: ConsumedMetrics, leases: Leases | undefined): Route[] {
    const consumer = this.#outputs.for(signal);
    if (consumer === undefined) return [];
    const { topics, exclude_topics: exclude, encoding } = this.#config[signal];
    const patterns = topics.filter(isPattern).map(compileRegexp);
    const excluded = exclude.map(compileRegexp);
    const processor = new Processor({
      settings: this.#settings,
      config: this.#config,
      signal,
      decode: decoderOf(signal, encoding),
      consumer,
      metrics,
      leases,
    });
    return [
      {
        topics: topics.filter((topic) => !isPattern(topic)),
        matches: (topic) => patterns.some((one) => one.test(topic)) && !excluded.some((one) => one.test(topic)),
        processor,
      },
    ];
  }

  #options(host: Host, leases: Leases | undefined): ConsumerOptions {
    const config = this.#config;
    return {
      ...clientOptions(this.#settings, config, host, REQUEST_TIMEOUT_MS),
      groupId: config.group_id,
      groupInstanceId: config.group_instance_id,
      strategy: this.#strategy(),
      initialOffset: config.initial_offset as 'latest' | 'earliest',
      sessionTimeoutMs: config.session_timeout,
      heartbeatMs: config.heartbeat_interval,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      minBytes: config.min_fetch_size,
      maxBytes: config.max_fetch_size,
      maxBytesPerPartition: config.max_partition_fetch_size,
      maxWaitMs: config.max_fetch_wait,
      commitIntervalMs: config.autocommit.enable ? config.autocommit.interval : 0,
      committedOnly: config.isolation_level === 'read_committed',
      ...(leases === undefined ? {} : { revoked: (topic, partition) => leases.revoked(topic, partition) }),
    };
  }

  #strategy(): Strategy {
    const asked = strategiesOf(this.#config);
    for (const one of asked) {
      const known = STRATEGIES.find((strategy) => strategy === one);
      if (known !== undefined) return known;
    }
    const strategy = asked.join(', ');
    if (strategy !== '') {
      this.#settings.logger.warn('This group_rebalance_strategy is not known here, range is taken', { strategy });
    }
    return 'range';
  }
}
