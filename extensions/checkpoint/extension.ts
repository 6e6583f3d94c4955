import type {
  Checkpointed,
  CheckpointOwner,
  CheckpointSource,
  Checkpoints,
  PartitionCheckpoints,
} from '../../core/checkpoint.ts';
import { KafkaStore } from '../../core/checkpoints/kafka-store.ts';
import { CheckpointedPartition } from '../../core/checkpoints/partition.ts';
import { StorageStore } from '../../core/checkpoints/storage-store.ts';
import type { SnapshotStore, Stored } from '../../core/checkpoints/store.ts';
import type { Extension, Host, Settings } from '../../core/component.ts';
import type { OutgoingRecord, Partitioner } from '../../core/kafka/client.ts';
import { openStorage } from '../../core/storage.ts';
import { NO_PARTITION, type StreamDelivery } from '../../core/telemetry/context.ts';
import type { Config } from './config.ts';
import { kafkaAccess } from './kafka-access.ts';
import { Metrics } from './metrics.ts';

/** What has no partition. */
interface ProcessState {
  readonly checkpoints: CheckpointedPartition;
  readonly stored: Stored | undefined;
}

/** Keeps what stages and sources registered, each partition by itself. */
export class CheckpointExtension implements Extension, Checkpoints {
  readonly exactlyOnce: boolean;
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #access: typeof kafkaAccess;
  readonly #metrics: Metrics;
  readonly #states = new Map<string, Checkpointed>();
  readonly #partitions = new Map<string, CheckpointedPartition>();
  readonly #opening = new Set<string>();
  #store: SnapshotStore | undefined;
  #process: Promise<ProcessState> | undefined;

  /** `access` is for tests. */
  constructor(settings: Settings, config: Config, access: typeof kafkaAccess = kafkaAccess) {
    this.#settings = settings;
    this.#config = config;
    this.#access = access;
    this.exactlyOnce = config.exactly_once !== undefined;
    this.#metrics = new Metrics(settings, () => this.#partitions);
  }

  get zpages() {
    return [this.#metrics.page];
  }

  start(host: Host): void {
    const { storage, exactly_once: kafka } = this.#config;
    const { clock, name } = this.#settings;
    this.#metrics.start();
    if (kafka === undefined) {
      const { extensions } = host.overview;
      if (extensions.indexOf(storage ?? '') > extensions.indexOf(name)) {
        throw new Error(`service::extensions must list ${storage} before ${name}, which stores to the last`);
      }
      this.#store = new StorageStore(() => openStorage(host, storage ?? '', { kind: 'extension', id: name, name: '' }));
      return;
    }
    this.#store = new KafkaStore({
      access: this.#access(this.#settings, kafka, host),
      topic: kafka.topic,
      idPrefix: kafka.transactional_id_prefix,
      maxRequestBytes: kafka.max_message_bytes,
      clock,
    });
  }

  async register({ kind, id, name }: CheckpointOwner, state: Checkpointed): Promise<void> {
    const owner = [kind, id, name].join(' ');
    // in Kafka state belongs to partitions, and each is in one process; what has none could not be told apart
    if (!this.exactlyOnce) {
      this.#process ??= this.#openProcess();
      const { stored } = await this.#process;
      const own = stored?.states.find((one) => one.owner === owner);
      if (own !== undefined) state.restore(NO_PARTITION, own.entries, own.version);
    }
    this.#states.set(owner, state);
  }

  async open(source: CheckpointSource): Promise<PartitionCheckpoints> {
    const { partition } = source;
    if (this.#partitions.has(partition) || this.#opening.has(partition)) {
      throw new Error(`${partition} is read by another receiver of this process`);
    }
    this.#opening.add(partition);
    try {
      return await this.#openNow(source);
    } finally {
      this.#opening.delete(partition);
    }
  }

  async #openNow(source: CheckpointSource): Promise<PartitionCheckpoints> {
    const { partition } = source;
    const store = this.#opened();
    const checkpoints = this.#checkpoints(source, store);
    const stored = await store.open(partition);
    // what a lost partition left behind
    this.#drop(partition);
    try {
      checkpoints.begin(stored);
    } catch (error) {
      // what was restored before the fault would go on here, whoever has the partition next
      this.#drop(partition);
      throw error;
    }
    this.#partitions.set(partition, checkpoints);
    const position = stored?.position === undefined ? 'none' : String(stored.position);
    this.#settings.logger.info('State of a partition was restored', { partition, position });
    return {
      position: stored?.position,
      before: (at) => checkpoints.before(at),
      idle: (at) => checkpoints.idle(at),
      close: async () => {
        await checkpoints.close();
        this.#forget(partition, checkpoints);
      },
    };
  }

  emit(
    partition: string,
    records: readonly OutgoingRecord[],
    partitioner: Partitioner,
    delivery?: StreamDelivery,
  ): boolean {
    const checkpoints = this.#partitions.get(partition);
    checkpoints?.emit(records, partitioner, delivery);
    return checkpoints !== undefined;
  }

  async shutdown(): Promise<void> {
    if (this.#process !== undefined) await (await this.#process).checkpoints.close();
    this.#process = undefined;
    await this.#store?.shutdown();
    this.#store = undefined;
    this.#metrics.stop();
  }

  async #openProcess(): Promise<ProcessState> {
    const store = this.#opened();
    const source = { partition: NO_PARTITION, stored: () => {}, lost: () => {} };
    const checkpoints = this.#checkpoints(source, store);
    const stored = await store.open(NO_PARTITION);
    // restores nothing yet, as nobody has registered, but knows what there is
    checkpoints.begin(stored);
    checkpoints.rest();
    this.#partitions.set(NO_PARTITION, checkpoints);
    return { checkpoints, stored };
  }

  #checkpoints(source: CheckpointSource, store: SnapshotStore): CheckpointedPartition {
    const { interval: intervalMs, min_pause: minPauseMs, timeout: timeoutMs } = this.#config;
    const { clock } = this.#settings;
    const lost = (error: Error): void => {
      this.#forget(source.partition, checkpoints);
      source.lost(error);
    };
    const checkpoints = new CheckpointedPartition(
      { ...source, stored: (position) => source.stored(position), lost },
      {
        store,
        states: this.#states,
        clock,
        intervalMs,
        minPauseMs,
        timeoutMs,
        report: (one) => this.#metrics.add(one),
      },
    );
    return checkpoints;
  }

  #drop(partition: string): void {
    for (const state of this.#states.values()) state.forget(partition);
  }

  /** Unless it was opened anew meanwhile. */
  #forget(partition: string, checkpoints: CheckpointedPartition): void {
    if (this.#partitions.get(partition) === checkpoints) this.#partitions.delete(partition);
  }

  #opened(): SnapshotStore {
    if (this.#store === undefined) throw new Error('the checkpoint extension is not running');
    return this.#store;
  }
}
