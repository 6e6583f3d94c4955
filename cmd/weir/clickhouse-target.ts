import { existsSync } from 'node:fs';
import { Chdb } from '../../core/clickhouse/chdb.ts';
import type { ClickHouse } from '../../core/clickhouse/client.ts';
import { type Connection, connection } from '../../core/clickhouse/config.ts';
import { embeddedDirectory, isEmbedded } from '../../core/clickhouse/embedded/directory.ts';
import { databaseOf, openClickHouse } from '../../core/clickhouse/open.ts';
import { type Findings, readSection } from '../../core/config/decoder.ts';
import { ConfigError } from '../../core/config/fault.ts';
import type { MapNode } from '../../core/config/node.ts';
import type { Sources } from '../../service/config/load.ts';
import type { ConfiguredComponent } from '../../service/config/types.ts';
import type { Arguments } from './args.ts';
import { BUILD } from './build-info.ts';
import { load } from './load.ts';
import { type Terminal, UsageError } from './terminal.ts';

/** Where `configs/embedded.yaml` keeps its store. */
const DEFAULT_ENDPOINT = 'chdb://./data/store';

/** The ClickHouse that a command is about. */
export interface Target {
  readonly connection: Connection;
  readonly database: string;
  /** The exporter in the configuration, where there is one. */
  readonly exporter?: ConfiguredComponent;
}

/** The one clickhouse exporter of the configuration, or the one that `--exporter` names. */
export async function configuredTarget(args: Arguments, terminal: Terminal, sources: Sources): Promise<Target> {
  const { config } = await load(args, terminal, sources);
  for (const warning of config.warnings) terminal.stderr(`Warning: ${warning}\n`);
  const exporters = config.components.filter(
    ({ kind, factory }) => kind === 'exporter' && factory.type === 'clickhouse',
  );
  const ids = exporters.map(({ id }) => id).join(', ');
  const meant = exporters.filter(({ id }) => args.exporter === '' || id === args.exporter);
  const [exporter] = meant;
  if (exporter === undefined) {
    throw new UsageError(
      ids === '' ? 'the configuration has no clickhouse exporter' : `--exporter is one of these: ${ids}`,
    );
  }
  if (meant.length > 1) throw new UsageError(`the configuration has several clickhouse exporters, name one: ${ids}`);
  const found = exporter.config as Connection;
  return { connection: found, database: args.database === '' ? databaseOf(found) : args.database, exporter };
}

/** What `--endpoint` and the environment say. */
export function namedTarget({ endpoint, database }: Arguments, { env }: Terminal): Target {
  const values = {
    endpoint: endpoint === '' ? DEFAULT_ENDPOINT : endpoint,
    username: env.CLICKHOUSE_USER ?? '',
    password: env.CLICKHOUSE_PASSWORD ?? '',
    database,
  };
  const at = { source: '--endpoint', line: 1, column: 1 };
  const entries = Object.entries(values).filter(([, value]) => value !== '');
  const node: MapNode = {
    kind: 'map',
    at,
    entries: new Map(entries.map(([key, value]) => [key, { keyAt: at, node: { kind: 'scalar', value, at } }])),
  };
  const findings: Findings = { faults: [], warnings: [], strict: false };
  const read = readSection(connection, node, '', findings);
  if (findings.faults.length > 0) throw new ConfigError(findings.faults);
  return { connection: read, database: databaseOf(read) };
}

/** Opens it; an embedded store that another process has is shared with it. `make`: it need not be there yet. */
export async function open({ connection, database }: Target, make: boolean): Promise<ClickHouse> {
  if (!isEmbedded(connection.endpoint)) {
    return openClickHouse({ ...connection, database }, { build: BUILD, random: Math.random });
  }
  const directory = embeddedDirectory(connection.endpoint);
  if (!make && !existsSync(directory)) throw new Error(`there is no embedded store in ${directory}`);
  return Chdb.visit(directory, make ? undefined : database);
}
