import type { Connection } from './config.ts';

/** Ways to compress a body that ClickHouse understands as `Content-Encoding`. */
const ENCODINGS = ['none', 'lz4', 'zstd', 'gzip', 'deflate', 'br'] as const;
export type Encoding = (typeof ENCODINGS)[number];

const STRATEGIES = ['in_order', 'round_robin', 'random'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What an endpoint with its parameters comes to. */
export interface Server {
  /** One for each host, with the path. */
  readonly urls: readonly URL[];
  readonly username: string;
  readonly password: string;
  readonly database: string;
  readonly compress: Encoding;
  readonly strategy: Strategy;
  /** Whether any certificate will do. */
  readonly skipVerify: boolean;
  /** Who inserts, as the server's log of queries has it. */
  readonly product: string;
  /** Settings for every statement. */
  readonly settings: Readonly<Record<string, string>>;
  /** Names of parameters that were given and have no effect. */
  readonly ignored: readonly string[];
}

/** Parameters that say who, where and how. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'client_info_product',
  'compress',
  'connection_open_strategy',
  'database',
  'http_path',
  'password',
  'secure',
  'skip_verify',
  'username',
]);

/** Parameters of the driver of the collector that mean nothing here: sizes of its buffers and pools, its debugging. */
const OF_DRIVER: ReadonlySet<string> = new Set([
  'block_buffer_size',
  'compress_level',
  'conn_max_lifetime',
  'debug',
  'dial_timeout',
  'free_buf_on_conn_release',
  'http_proxy',
  'max_compression_buffer',
  'max_idle_conns',
  'max_open_conns',
  'read_timeout',
]);

/** Ports of the native protocol and those where the same server speaks HTTP. */
const HTTP_PORT: Readonly<Record<string, string>> = { '': '8123', '9000': '8123', '9440': '8443' };

/**
 * Reads an endpoint as the collector's exporter does: `scheme://user:password@host:port,host:port/database?parameters`.
 * Of `tcp://` and `clickhouse://` the standard ports become those of HTTP, which is the only protocol here.
 *
 * @throws Error that says what is wrong with it
 */
export function parseEndpoint(connection: Omit<Connection, 'tls'>): Server {
  const [, scheme = '', authority = '', rest = ''] = /^(\w+):\/\/([^/?#]*)(.*)$/.exec(connection.endpoint) ?? [];
  const native = scheme === 'tcp' || scheme === 'clickhouse';
  if (!native && scheme !== 'http' && scheme !== 'https') {
    throw new Error('endpoint must be url format: http://host:8123, https://host:8443 or chdb://./directory');
  }
  const at = authority.lastIndexOf('@');
  const tail = new URL(`http://${authority.slice(0, at + 1)}host${rest}`);
  const params = new Map([...tail.searchParams, ...Object.entries(connection.connection_params)]);
  const secure = scheme === 'https' || params.get('secure') === 'true';
  const hosts = authority.slice(at + 1).split(',');
  const path = params.get('http_path') ?? '/';
  const urls = hosts.map((host) => hostUrl(host.trim(), { native, secure, path }));
  const inPath = decodeURIComponent(tail.pathname.slice(1));
  const user = connection.username !== '';
  return {
    urls,
    username: user ? connection.username : (params.get('username') ?? decodeURIComponent(tail.username)),
    password: user
      ? (connection.password?.reveal() ?? '')
      : (params.get('password') ?? (decodeURIComponent(tail.password) || (connection.password?.reveal() ?? ''))),
    database: databaseOf(connection.database, params.get('database') ?? inPath),
    compress: encoding(params.get('compress') ?? connection.compress),
    strategy: oneOf('connection_open_strategy', STRATEGIES, params.get('connection_open_strategy') ?? 'in_order'),
    skipVerify: params.get('skip_verify') === 'true',
    product: params.get('client_info_product') ?? '',
    settings: Object.fromEntries([...params].filter(([name]) => !OF_CONNECTION.has(name) && !OF_DRIVER.has(name))),
    ignored: [...params.keys()].filter((name) => OF_DRIVER.has(name)),
  };
}

interface HostOptions {
  readonly native: boolean;
  readonly secure: boolean;
  readonly path: string;
}

function hostUrl(host: string, { native, secure, path }: HostOptions): URL {
  const scheme = secure ? 'https' : 'http';
  let url: URL;
  try {
    url = new URL(`${scheme}://${host}${path.startsWith('/') ? path : `/${path}`}`);
  } catch {
    throw new Error(`endpoint must be url format: ${JSON.stringify(host)} is no host`);
  }
  if (url.port === '' && !/:\d+$/.test(host)) url.port = secure ? '8443' : '8123';
  if (!native) return url;
  const port = HTTP_PORT[/:(\d+)$/.exec(host)?.[1] ?? ''];
  if (port === undefined && url.port !== '8123' && url.port !== '8443') {
    throw new Error(
      `endpoint ${JSON.stringify(host)} is a port of the native protocol, which is not spoken here: ` +
        `give the one for HTTP, as in ${scheme}://${url.hostname}:${secure ? '8443' : '8123'}`,
    );
  }
  if (port !== undefined) url.port = secure ? '8443' : port;
  return url;
}

/** The key wins over the endpoint, unless it says no more than the default does. */
function databaseOf(key: string, inEndpoint: string): string {
  if (key !== '' && key !== 'default') return key;
  return inEndpoint === '' ? 'default' : inEndpoint;
}

/** Of the ways to compress, zstd takes a tenth of the time here that lz4 does, as it is not written in JavaScript. */
function encoding(name: string): Encoding {
  if (name === '' || name === 'true') return 'zstd';
  return oneOf('compress', ENCODINGS, name === 'false' ? 'none' : name);
}

function oneOf<T extends string>(key: string, values: readonly T[], found: string): T {
  const value = values.find((known) => known === found);
  if (value === undefined) throw new Error(`${key} ${JSON.stringify(found)} is none of ${values.join(', ')}`);
  return value;
}
