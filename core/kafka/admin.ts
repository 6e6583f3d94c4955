import { Admin, ConfigResourceTypes, ConfigSources, IncrementalAlterConfigOperationTypes } from '@platformatic/kafka';
import type { ClientOptions } from './client.ts';
import { kafkaError } from './errors.ts';
import { baseOptions } from './platformatic.ts';
import type { ActualTopic, Change } from './topics.ts';

/** Looks at topics and changes them. */
export class TopicAdmin {
  readonly #admin: Admin;

  constructor(options: ClientOptions) {
    this.#admin = new Admin(baseOptions(options));
  }

  async brokers(): Promise<number> {
    return (await this.#asked(() => this.#admin.metadata({ topics: [], forceUpdate: true }))).brokers.size;
  }

  /** Those of the topics that are there. */
  async read(names: readonly string[]): Promise<Map<string, ActualTopic>> {
    const known = new Set(await this.#asked(() => this.#admin.listTopics()));
    const topics = names.filter((name) => known.has(name));
    if (topics.length === 0) return new Map();
    const metadata = await this.#asked(() => this.#admin.metadata({ topics, forceUpdate: true }));
    const resources = topics.map((resourceName) => ({ resourceType: ConfigResourceTypes.TOPIC, resourceName }));
    const described = await this.#asked(() => this.#admin.describeConfigs({ resources }));
    return new Map(
      described.map(({ resourceName, configs }) => {
        const partitions = metadata.topics.get(resourceName)?.partitions ?? [];
        const settings = configs.map(({ name, value, configSource }) => {
          return [name, { value: value ?? '', own: configSource === ConfigSources.DYNAMIC_TOPIC_CONFIG }] as const;
        });
        const replicationFactor = partitions[0]?.replicas.length ?? 0;
        return [resourceName, { partitions: partitions.length, replicationFactor, configs: new Map(settings) }];
      }),
    );
  }

  async apply(change: Change): Promise<void> {
    await this.#asked(() => this.#apply(change));
  }

  async close(): Promise<void> {
    await this.#admin.close();
  }

  async #apply(change: Change): Promise<void> {
    const { topic } = change;
    if (change.kind === 'create') {
      const configs = Object.entries(change.configs).map(([name, value]) => ({ name, value }));
      const { partitions, replicationFactor: replicas } = change;
      await this.#admin.createTopics({ topics: [{ topic, partitions, replicas }], configs });
    } else if (change.kind === 'partitions') {
      await this.#admin.createPartitions({ topics: [{ name: topic, count: change.to, assignments: null }] });
    } else {
      const { key: name, to: value } = change;
      const config = { name, value, configOperation: IncrementalAlterConfigOperationTypes.SET };
      await this.#admin.incrementalAlterConfigs({
        resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs: [config] }],
      });
    }
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw kafkaError('Kafka', error);
    }
  }
}
