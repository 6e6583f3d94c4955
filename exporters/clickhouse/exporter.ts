import type { ClickHouse } from '../../core/clickhouse/client.ts';
import { isEmbedded } from '../../core/clickhouse/embedded/directory.ts';
import { ClickHouseError } from '../../core/clickhouse/error.ts';
import { databaseOf, ignoredParameters, openClickHouse } from '../../core/clickhouse/open.ts';
import type { Exporter, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import type { Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { batchedIntake } from './batched-intake.ts';
import type { Config } from './config.ts';
import { Inserter } from './inserter.ts';
import { insertSettings, makeTables, rowsOf, tableNames } from './tables.ts';

export function clickhouseExporter(settings: Settings, config: Config): Exporter {
  const store = new Store(settings, config);
  const queue = config.sending_queue;
  const options = { start: () => store.start(), shutdown: () => store.shutdown() };
  const push = (batch: Telemetry, { abort }: { readonly abort?: AbortSignal }) => store.push(batch, abort);
  if (queue?.batch === undefined || queue.storage === undefined) return exporterWith(settings, config, push, options);
  // a batch is made before it is stored, so that after a crash it is the same one
  const unbatched = { ...config, sending_queue: { ...queue, batch: undefined } };
  return batchedIntake(exporterWith(settings, unbatched, push, options), queue.batch, settings.clock);
}

class Store {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #database: string;
  readonly #inserters = new Map<Signal, Inserter>();
  #client: ClickHouse | undefined;
  #schema: Promise<void> | undefined;

  constructor(settings: Settings, config: Config) {
    this.#settings = settings;
    this.#config = config;
    this.#database = databaseOf(config);
  }

  /** A server that is not there yet is no reason not to start: the tables are made before the first insert. */
  async start(): Promise<void> {
    const client = openClickHouse(this.#config, this.#settings);
    this.#client = client;
    const parameters = ignoredParameters(this.#config);
    if (parameters.length > 0)
      this.#settings.logger.warn('Parameters of the connection without effect', { parameters });
    const destination = {
      client,
      database: this.#database,
      settings: insertSettings(this.#config),
      name: tableNames(this.#config),
    };
    for (const signal of this.#settings.signals) {
      this.#inserters.set(signal, new Inserter(rowsOf(this.#config, signal), destination));
    }
    try {
      await this.#ready(client);
    } catch (error) {
      // an engine of our own that is locked or not installed does not come later
      if (isEmbedded(this.#config.endpoint)) throw error;
      if (!(error instanceof ClickHouseError) || error.number !== 0) throw error;
      this.#settings.logger.warn('ClickHouse cannot be reached, its tables are made later', { error: error.message });
    }
  }

  async shutdown(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close();
  }

  async push(batch: Telemetry, abort: AbortSignal | undefined): Promise<void> {
    const inserter = this.#inserters.get(batch.signal);
    if (inserter === undefined || this.#client === undefined) throw new PipelineError('the exporter is not running');
    await this.#ready(this.#client);
    await inserter.insert(batch, abort);
  }

  /** Resolves when the tables are there. A failure is tried again by the next one who asks. */
  #ready(client: ClickHouse): Promise<void> {
    if (!this.#config.create_schema) return Promise.resolve();
    this.#schema ??= makeTables(this.#config, client, this.#database, this.#settings.signals).catch((error) => {
      this.#schema = undefined;
      throw error;
    });
    return this.#schema;
  }
}
