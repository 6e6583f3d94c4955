import { spawnSync } from 'node:child_process';
import { Service } from './service.ts';

export interface RedisOptions {
  readonly password?: string;
  /** Keeps the data over a restart. */
  readonly appendOnly?: boolean;
}

/** A real Redis. */
export class Redis implements AsyncDisposable {
  readonly service: Service;
  readonly #password: string;

  private constructor(service: Service, password: string) {
    this.service = service;
    this.#password = password;
  }

  static async start({ password = '', appendOnly = false }: RedisOptions = {}): Promise<Redis> {
    const env = { REDIS_PASSWORD: password, APPENDONLY: appendOnly ? 'yes' : 'no' };
    return new Redis(await Service.start('redis', env), password);
  }

  /** What redis-cli prints for a command, which is the other side of a test. */
  cli(...args: readonly string[]): string {
    const env = { ...process.env, ...(this.#password !== '' && { REDISCLI_AUTH: this.#password }) };
    const all = ['-h', '127.0.0.1', '-p', String(this.service.port), ...args];
    const { status, stdout, stderr } = spawnSync('redis-cli', all, { encoding: 'utf8', env });
    if (status !== 0) throw new Error(`redis-cli: ${stderr}`);
    return stdout.trimEnd();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.service[Symbol.asyncDispose]();
  }
}

/** Masters of a cluster without replicas, each with a third of the slots or however many there are. */
export class RedisCluster implements AsyncDisposable {
  readonly nodes: Service[] = [];

  static async start(masters = 3): Promise<RedisCluster> {
    const cluster = new RedisCluster();
    try {
      for (let i = 0; i < masters; i++) cluster.nodes.push(await Service.start('redis', { CLUSTER: 'yes' }));
      await cluster.#join();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  async #join(): Promise<void> {
    const create = ['--cluster', 'create', ...this.nodes.map(({ address }) => address), '--cluster-yes'];
    const { status, stdout } = spawnSync('redis-cli', create, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`redis-cli: ${stdout}`);
    for (const { port } of this.nodes) {
      const state = () => spawnSync('redis-cli', ['-p', String(port), 'cluster', 'info'], { encoding: 'utf8' }).stdout;
      while (!state().includes('cluster_state:ok')) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }
}
