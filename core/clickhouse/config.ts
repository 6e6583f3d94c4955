import { bool, type Infer, mapOf, type Report, secret, string, struct } from '../config/fields.ts';
import { tlsClient } from '../config/sections/tls.ts';
import { embeddedDirectory, isEmbedded } from './embedded/directory.ts';
import { parseEndpoint } from './endpoint.ts';

const fields = {
  endpoint: string(
    '`http://host:8123`, `https://host:8443`, several hosts with commas; `chdb://./directory` embeds it.',
  ),
  username: string('User of the database; wins over one in the endpoint.'),
  password: secret('Password of the user.'),
  database: string('Database with the tables; wins over one in the endpoint unless it is `default`.', 'default'),
  connection_params: mapOf('Parameters of the connection and settings of the server.', string('Value.')),
  compress: string('How inserts are compressed: zstd, lz4, gzip, deflate, br or none; zstd where it is empty.'),
  async_insert: bool('Whether the server collects inserts before it writes them.', true),
  tls: tlsClient,
};

/** How to reach one ClickHouse: what the exporter and the commands share. */
export const connection = struct('clickhouse.Connection', 'Connection to ClickHouse.', fields, {
  validate(value, path, report) {
    if (value.endpoint === '') report(path, 'endpoint must be specified');
    else validateEndpoint(value, path, report);
  },
});
export type Connection = Infer<typeof connection>;

function validateEndpoint(value: Connection, path: string, report: Report): void {
  if (isEmbedded(value.endpoint)) {
    const { username, password, connection_params: params } = value;
    if (username !== '' || password !== undefined) report(path, 'an embedded engine has no users: leave out username');
    if (Object.keys(params).length > 0) report(path, 'an embedded engine has no connection_params');
  }
  try {
    if (isEmbedded(value.endpoint)) embeddedDirectory(value.endpoint);
    else parseEndpoint(value);
  } catch (error) {
    report(path, (error as Error).message);
  }
}
