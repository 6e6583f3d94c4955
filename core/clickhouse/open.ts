import type { Settings } from '../component.ts';
import { Chdb } from './chdb.ts';
import type { ClickHouse } from './client.ts';
import type { Connection } from './config.ts';
import { embeddedDirectory, isEmbedded } from './embedded/directory.ts';
import { parseEndpoint } from './endpoint.ts';
import { HttpClickHouse } from './http.ts';

/** What a client is told by the process. */
export interface ClientEnvironment {
  readonly random: Settings['random'];
  readonly build: Settings['build'];
}

/** The ClickHouse that a connection names, and its database. Nothing is sent before the first statement. */
export function openClickHouse(connection: Connection, environment: ClientEnvironment): ClickHouse {
  const { endpoint, tls } = connection;
  if (isEmbedded(endpoint)) return Chdb.open(embeddedDirectory(endpoint));
  const { command, version } = environment.build;
  return new HttpClickHouse(parseEndpoint(connection), {
    tls,
    random: environment.random,
    userAgent: `${command}/${version}`,
  });
}

/** The database that statements are for. */
export function databaseOf(connection: Connection): string {
  return isEmbedded(connection.endpoint) ? connection.database || 'default' : parseEndpoint(connection).database;
}

/** Parameters of the connection that have no effect here, though they have in the collector. */
export function ignoredParameters(connection: Connection): readonly string[] {
  return isEmbedded(connection.endpoint) ? [] : parseEndpoint(connection).ignored;
}
