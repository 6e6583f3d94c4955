/** weir on `configs/architecture.yaml` as it is, with the stores on the hosts and ports that it names. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeTree, type TreeOf } from '../../core/otlp/tree.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Daemon } from '../support/daemon.ts';
import { Hosts } from '../support/hosts.ts';
import { canListen } from '../support/ports.ts';
import { InfluxDb } from './influxdb.ts';
import { Jaeger } from './jaeger.ts';
import { KafkaCluster } from './kafka.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** As it is named on the command line, and so in warnings. */
export const CONFIG = 'configs/architecture.yaml';
const BROKERS = ['kafka-1', 'kafka-2', 'kafka-3'];
const KAFKA_PORT = 9092;
const HOSTS = Object.fromEntries([...BROKERS, 'influxdb-cluster', 'jaeger-collector'].map((n) => [n, '127.0.0.1']));
const OTLP_PORTS = [4317, 4318];
/** Of weir itself: metrics, health_check, pprof, zpages. */
const OWN_PORTS = [8888, 13133, 1777, 55679];
const STORE_PORTS = [KAFKA_PORT, 8086, 14250];

export const BUCKET = 'metrics';
export const TOPIC = 'otel-traces';

export interface Stores {
  /** One broker, which answers under the first of the three names. */
  readonly kafka: KafkaCluster;
  readonly influx: InfluxDb;
  readonly jaeger: Jaeger;
}

/** The stores and weir; all end with the scope. */
export class Platform implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly stores: Stores;
  readonly weir: Daemon;

  private constructor(stack: AsyncDisposableStack, stores: Stores, weir: Daemon) {
    this.#stack = stack;
    this.stores = stores;
    this.weir = weir;
  }

  static async start(): Promise<Platform> {
    for (const port of [...OTLP_PORTS, ...OWN_PORTS, ...STORE_PORTS]) {
      if (!(await canListen(port))) throw new Error(`${CONFIG} needs port ${port}, which something else has`);
    }
    await using stack = new AsyncDisposableStack();
    const named = { name: 'NAMED', protocol: 'PLAINTEXT', port: KAFKA_PORT, advertised: `kafka-1:${KAFKA_PORT}` };
    const kafka = stack.use(await KafkaCluster.start(1, { extra: { listeners: [named], properties: [], format: [] } }));
    const influx = stack.use(await InfluxDb.start({ port: 8086, org: 'observability', bucket: BUCKET }));
    const jaeger = stack.use(await Jaeger.start({ grpcPort: 14250, onDisk: true }));
    const hosts = stack.use(new Hosts(HOSTS));
    const env = { ...hosts.env, KAFKA_BROKERS: `kafka-1:${KAFKA_PORT}`, INFLUXDB_TOKEN: influx.token };
    const topics = new Daemon({ args: ['topics', 'apply', '--config', 'configs/topics.yaml'], env, cwd: ROOT });
    if ((await topics.exited()) !== 0) throw new Error(topics.output);
    const weir = new Daemon({ args: ['--config', CONFIG], env, cwd: ROOT });
    stack.defer(async () => {
      weir.process.kill('SIGKILL');
      await weir.exited();
    });
    await weir.listening(...OTLP_PORTS, ...OWN_PORTS);
    await weir.until('weir to be ready', () => weir.output.includes('Everything is ready'));
    return new Platform(stack.move(), { kafka, influx, jaeger }, weir);
  }

  /** In MiB, of the process. */
  residentMemory(): number {
    const status = readFileSync(`/proc/${this.weir.process.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  }

  /** The lines that the log has from a component, by `kind/id`. */
  logOf(component: string): string[] {
    const [kind, id] = component.split('/');
    return this.weir.output
      .split('\n')
      .filter((line) => line.includes(`"otelcol.component.id": "${id}"`) && line.includes(`kind": "${kind}"`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** A record of the topic: its key, and its value read as an export request. */
export interface KafkaRecord<S extends Signal> {
  readonly key: string;
  readonly tree: TreeOf[S];
}

/** No bytes of OTLP. */
const [KEY_END, RECORD_END] = ['<end of key 5b8efff798038103>', '<end of record d269b633813fc60c>'];

/** All records of the topic with keys that `isWanted` takes, as Kafka's own consumer gives them. */
export async function recordsOf<S extends Signal>(
  kafka: KafkaCluster,
  signal: S,
  isWanted: (key: string) => boolean,
): Promise<KafkaRecord<S>[]> {
  const properties = ['print.key=true', `key.separator=${KEY_END}`, `line.separator=${RECORD_END}`];
  const format = properties.flatMap((property) => ['--formatter-property', property]);
  const place = ['--bootstrap-server', kafka.addresses.join(','), '--topic', TOPIC, '--from-beginning'];
  const printed = await kafka.tool('consumer.ConsoleConsumer', [...place, '--timeout-ms', '10000', ...format]);
  const records: KafkaRecord<S>[] = [];
  for (let start = 0, end = 0; ; start = end + RECORD_END.length) {
    end = printed.indexOf(RECORD_END, start);
    if (end < 0) return records;
    const middle = printed.indexOf(KEY_END, start);
    const key = printed.toString('utf8', start, middle);
    if (!isWanted(key)) continue;
    const value = printed.subarray(middle + KEY_END.length, end);
    records.push({ key, tree: decodeTree(signal, Telemetry.of(signal, value, 1)) });
  }
}
