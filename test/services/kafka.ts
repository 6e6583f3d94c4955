import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/ports.ts';

const SCRIPT = fileURLToPath(new URL('./kafka.sh', import.meta.url));
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
/** A 16-byte id in base64url, as the brokers want it. */
const CLUSTER_ID = 'd2VpciB0ZXN0IGthZmthMQ';
const JAVA = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.net.preferIPv4Stack=true'];

/** The jars of Kafka, fetched first where they are missing. */
function jars(): string {
  const { status, stdout } = spawnSync('bash', [SCRIPT], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error('Kafka cannot be fetched');
  return join(stdout.trim(), '*');
}

interface Broker {
  readonly id: number;
  readonly port: number;
  /** Where clients are told to connect, which is a proxy where the test puts one in between. */
  readonly advertisedPort: number;
  readonly controllerPort: number;
  process: ChildProcess | undefined;
}

export interface KafkaOptions {
  /** Further listeners, of one broker: lines of `server.properties` and arguments for formatting the storage. */
  readonly extra?: KafkaListeners;
  /** Given the port of a broker, the port that it advertises. */
  readonly advertise?: (port: number) => Promise<number>;
}

/** A further listener of 127.0.0.1; clients are told this address unless `advertised` is another, as host:port. */
interface Listener {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly advertised?: string;
}

/** Listeners and what they need. */
export interface KafkaListeners {
  readonly listeners: readonly Listener[];
  readonly properties: readonly string[];
  readonly format: readonly string[];
}

/** Real brokers without replication of anything that the number of brokers does not allow. */
export class KafkaCluster implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'weir-kafka-'));
  readonly #classpath = jars();
  readonly #brokers: Broker[] = [];
  readonly #options: KafkaOptions;

  private constructor(options: KafkaOptions) {
    this.#options = options;
  }

  static async start(brokers: number, options: KafkaOptions = {}): Promise<KafkaCluster> {
    const cluster = new KafkaCluster(options);
    try {
      await cluster.#start(brokers);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  async #start(brokers: number): Promise<void> {
    for (let id = 1; id <= brokers; id++) {
      const [port, controllerPort] = [await freePort(), await freePort()];
      const advertisedPort = (await this.#options.advertise?.(port)) ?? port;
      this.#brokers.push({ id, port, advertisedPort, controllerPort, process: undefined });
    }
    for (const broker of this.#brokers) this.#format(broker);
    await Promise.all(this.#brokers.map((broker) => this.#run(broker)));
  }

  get addresses(): string[] {
    return this.#brokers.map(({ advertisedPort }) => `127.0.0.1:${advertisedPort}`);
  }

  /** Ends a broker, counted from 0, at once or as it would end by itself. */
  async stop(index: number, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const broker = this.#brokers[index];
    const process = broker?.process;
    if (broker === undefined || process === undefined) return;
    broker.process = undefined;
    const ended = once(process, 'exit');
    process.kill(signal);
    await ended;
  }

  async restart(index: number): Promise<void> {
    await this.#run(this.#brokers[index] as Broker);
  }

  /** Runs one of Kafka's own tools and gives what it writes; `input` is what it reads. */
  tool(name: string, args: readonly string[], input = ''): Promise<Buffer> {
    const command = [...JAVA, '-cp', this.#classpath, `org.apache.kafka.tools.${name}`, ...args];
    return new Promise((resolve, reject) => {
      const options = { encoding: 'buffer', maxBuffer: 1 << 28 } as const;
      const child = execFile('java', command, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${name}: ${stderr.toString()}`, { cause: error }));
      });
      child.stdin?.end(input);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#brokers.map((_, i) => this.stop(i, 'SIGKILL')));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #format(broker: Broker): void {
    const folder = join(this.#folder, String(broker.id));
    mkdirSync(folder);
    writeFileSync(join(folder, 'server.properties'), this.#properties(broker, folder));
    const main = ['-cp', this.#classpath, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID];
    const place = ['-c', join(folder, 'server.properties'), ...(this.#options.extra?.format ?? [])];
    const { status, stderr } = spawnSync('java', [...JAVA, ...main, ...place], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`storage cannot be formatted: ${stderr}`);
  }

  async #run(broker: Broker): Promise<void> {
    const folder = join(this.#folder, String(broker.id));
    const log = join(folder, `log-${Date.now()}`);
    writeFileSync(log, '');
    // without it the log stays empty, and nothing tells of the start
    const level = '-Dorg.apache.logging.log4j.level=INFO';
    const main = [level, '-cp', this.#classpath, 'kafka.Kafka', join(folder, 'server.properties')];
    const child = spawn('bash', ['-c', 'exec java "$@" >>"$0" 2>&1', log, ...JAVA, ...main], { stdio: 'ignore' });
    broker.process = child;
    const end = performance.now() + START_TIMEOUT_MS;
    while (!/Kafka Server started/.test(readFileSync(log, 'utf8'))) {
      const text = readFileSync(log, 'utf8').slice(-3000);
      if (child.exitCode !== null) throw new Error(`broker ${broker.id} ended:\n${text}`);
      if (performance.now() > end) throw new Error(`broker ${broker.id} did not start:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #properties({ id, port, advertisedPort, controllerPort }: Broker, folder: string): string {
    const { listeners: more = [], properties = [] } = this.#options.extra ?? {};
    const local = ({ port }: Listener) => `127.0.0.1:${port}`;
    const further = more.map((one) => `,${one.name}://${local(one)}`).join('');
    const advertised = more.map((one) => `,${one.name}://${one.advertised ?? local(one)}`).join('');
    const protocols = more.map((one) => `,${one.name}:${one.protocol}`).join('');
    const factor = this.#brokers.length >= 3 ? 3 : 1;
    const isr = factor === 3 ? 2 : 1;
    const internal = ['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic'].flatMap((topic) => [
      `${topic}.replication.factor=${factor}`,
      `${topic}.num.partitions=3`,
      ...(topic === 'offsets.topic' ? [] : [`${topic}.min.isr=${isr}`]),
    ]);
    return [
      'process.roles=broker,controller',
      `node.id=${id}`,
      `controller.quorum.voters=${this.#brokers.map((b) => `${b.id}@127.0.0.1:${b.controllerPort}`).join(',')}`,
      `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${further}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${advertisedPort}${advertised}`,
      'controller.listener.names=CONTROLLER',
      'inter.broker.listener.name=PLAINTEXT',
      `listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT${protocols}`,
      ...properties,
      `log.dirs=${join(folder, 'data')}`,
      'num.partitions=3',
      `default.replication.factor=${factor}`,
      `min.insync.replicas=${isr}`,
      ...internal,
      'group.initial.rebalance.delay.ms=0',
      'controlled.shutdown.enable=true',
      '',
    ].join('\n');
  }
}
