import { SIGNALS } from '../../core/signal.ts';
import type { Target } from './engine.ts';

type Load = () => Promise<Target>;

const pages =
  (name: string): Load =>
  async () =>
    (await import('./targets/pages.ts')).page(name);
const compression =
  (name: string): Load =>
  async () =>
    (await import('./targets/compression.ts')).compression(name);

const http2 =
  (name: string, serve: 'serveGrpc' | 'serveHttp'): Load =>
  async () =>
    (await import('./targets/http2.ts')).http2Target(name, (await import('./targets/http2-servers.ts'))[serve]);

/** By name; a thread loads only its own. */
const LOAD: ReadonlyMap<string, Load> = new Map<string, Load>([
  ...SIGNALS.map((signal): [string, Load] => [
    `protobuf-${signal}`,
    async () => (await import('./targets/protobuf.ts')).protobufTarget(signal),
  ]),
  ...SIGNALS.map((signal): [string, Load] => [
    `json-${signal}`,
    async () => (await import('./targets/json.ts')).jsonTarget(signal),
  ]),
  ['http2-server', http2('http2-server', 'serveGrpc')],
  ['http2-http-server', http2('http2-http-server', 'serveHttp')],
  ['hpack', async () => (await import('./targets/hpack.ts')).hpack],
  ['http1', async () => (await import('./targets/http1.ts')).http1],
  ['prometheus-text', pages('prometheus-text')],
  ['prometheus-openmetrics', pages('prometheus-openmetrics')],
  ['prometheus-protobuf', pages('prometheus-protobuf')],
  ['config', async () => (await import('./targets/config.ts')).config],
  ['kafka-record', async () => (await import('./targets/kafka.ts')).kafkaRecord],
  ['segment-log', async () => (await import('./targets/segment-log.ts')).segmentLog],
  ['snapshot', async () => (await import('./targets/snapshot.ts')).snapshot],
  ['sampling-snapshot', async () => (await import('./targets/sampling-snapshot.ts')).samplingSnapshot],
  ['series-snapshot', async () => (await import('./targets/series-snapshot.ts')).seriesSnapshot],
  ['snappy', compression('snappy')],
  ['x-snappy-framed', compression('x-snappy-framed')],
  ['lz4', compression('lz4')],
]);

export const TARGETS: readonly string[] = [...LOAD.keys()];

export async function targetNamed(name: string): Promise<Target> {
  const load = LOAD.get(name);
  if (load === undefined) throw new Error(`no target ${name}`);
  return load();
}
