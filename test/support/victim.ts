import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { call } from '../golden/steps.ts';
import type { Daemon } from './daemon.ts';
import { parseExposition } from './exposition.ts';
import { type Lab, postSpans, postSpansTls } from './lab.ts';
import { freePort } from './ports.ts';

const MIB = 1024 * 1024;
/** What a process does beside: code compiled on the way, garbage between two collections. */
const NOISE_MIB = 24;

export interface VictimOptions {
  /** Added to the sections of the protocols, such as `max_connections: 5`. */
  readonly grpc?: string;
  readonly http?: string;
  /** The `http` section has TLS. */
  readonly secure?: boolean;
  readonly extensions?: string;
  readonly processors?: string;
  readonly use?: string;
  /** `TYPE: …`. */
  readonly exporter?: string;
}

/** A real process under attack: what its memory does, what it counts, whether it still serves others. */
export class Victim {
  readonly daemon: Daemon;
  readonly grpc: number;
  readonly http: number;
  readonly #metrics: number;
  readonly #secure: boolean;

  private constructor(daemon: Daemon, grpc: number, http: number, metrics: number, secure: boolean) {
    this.daemon = daemon;
    this.grpc = grpc;
    this.http = http;
    this.#metrics = metrics;
    this.#secure = secure;
  }

  static async start(lab: Lab, options: VictimOptions = {}): Promise<Victim> {
    const [grpc, http, metrics] = [await freePort(), await freePort(), await freePort()];
    const { extensions = '', processors = '', exporter = 'nop:', use = '' } = options;
    const daemon = lab.run(`
${extensions}
receivers:
  otlp:
    protocols:
      grpc: { endpoint: "127.0.0.1:${grpc}", ${options.grpc ?? ''} }
      http: { endpoint: "127.0.0.1:${http}", ${options.http ?? ''} }
${processors}
exporters: { ${exporter} }
service:
  ${extensions === '' ? '' : 'extensions: [basicauth]'}
  telemetry:
    logs: { level: warn }
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${metrics} } } } }] }
  pipelines: { traces: { receivers: [otlp], processors: [${use}], exporters: [${exporter.split(':')[0]}] } }`);
    await daemon.listening(grpc, http, metrics);
    return new Victim(daemon, grpc, http, metrics, options.secure === true);
  }

  /** Runs an attack: memory may grow by `boundMiB`, these limits are counted, and others are served afterwards. */
  async attack(boundMiB: number, limits: readonly string[], run: () => Promise<unknown>): Promise<void> {
    const before = await this.limits();
    const rss = this.rss();
    this.#resetPeak();
    await run();
    const grown = (this.#memory('VmHWM') - rss) / MIB;
    assert.ok(grown <= boundMiB + NOISE_MIB, `memory grew by ${grown.toFixed(0)} MiB, ${boundMiB} are allowed`);
    const after = await this.limits();
    const reached = [...after].filter(([limit, count]) => count > (before.get(limit) ?? 0)).map(([limit]) => limit);
    assert.deepEqual(reached.sort(), [...limits].sort());
    await this.serves();
    if (process.env.WEIR_FIGURES !== undefined) console.log(`memory +${grown.toFixed(0)} MiB, ${limits}`);
  }

  async serves(headers: Record<string, string> = {}): Promise<void> {
    const post = this.#secure ? postSpansTls : postSpans;
    assert.equal(await post(this.http, ['after all'], headers), 200);
  }

  /** How often each limit was reached, by `transport limit`. */
  async limits(): Promise<Map<string, number>> {
    const page = parseExposition(await this.page());
    const series = [...page.values()].flatMap((family) => family.series);
    const found = series.filter(({ name }) => name.startsWith('otelcol_receiver_limit_reached'));
    return new Map(found.map(({ labels, value }) => [`${labels.transport} ${labels.limit}`, value]));
  }

  async page(): Promise<string> {
    return (await call(this.#metrics, 'GET', '/metrics', undefined, {})).body;
  }

  rss(): number {
    return this.#memory('VmRSS');
  }

  /** Open file descriptors. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.daemon.process.pid}/fd`).length;
  }

  #memory(field: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.daemon.process.pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  }

  /** Linux: 5 sets the peak to what is resident now. */
  #resetPeak(): void {
    writeFileSync(`/proc/${this.daemon.process.pid}/clear_refs`, '5');
  }
}
