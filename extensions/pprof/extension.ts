import { writeFile } from 'node:fs/promises';
import type { Extension, Host, Settings } from '../../core/component.ts';
import type { HttpResponse } from '../../core/http/response.ts';
import { AdminServer, content, NOT_FOUND, text } from '../../core/http-admin/server.ts';
import type { Config } from './config.ts';
import { CpuProfile, HeapSampling } from './profiler.ts';

const PREFIX = '/debug/pprof/';
/** As in Go where the request does not say it. */
const DEFAULT_SECONDS = 30;
/** A profile is kept in memory while it is taken. */
const MAX_SECONDS = 600;
/** For a profile on demand: fine enough for seconds of it. */
const INTERVAL_MICROS = 1_000;
/** For one of the whole life of the process: Go's 100 samples a second. */
const LONG_INTERVAL_MICROS = 10_000;

/** What Go has and this process cannot have, with the reason. */
const ABSENT: Readonly<Record<string, string>> = {
  allocs: 'V8 keeps no record of past allocations; see heap for what is in use',
  block: 'there are no blocking threads to profile',
  goroutine: 'there are no goroutines; see profile for what the event loop does',
  mutex: 'there are no mutexes to profile',
  symbol: 'profiles carry the names of their functions',
  threadcreate: 'threads are not created under load',
  trace: 'there is no execution trace',
};

/** Serves profiles under `/debug/pprof/`, the paths that `go tool pprof` and profile collectors ask for. */
export class Pprof implements Extension {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #heap: HeapSampling;
  #server: AdminServer | undefined;
  #saved: CpuProfile | undefined;
  #profiling = false;

  constructor(settings: Settings, config: Config) {
    this.#settings = settings;
    this.#config = config;
    this.#heap = new HeapSampling(settings.clock);
  }

  async start(host: Host): Promise<void> {
    const { endpoint, save_to_file } = this.#config;
    if (save_to_file !== '') this.#saved = await CpuProfile.start(this.#settings.clock, LONG_INTERVAL_MICROS);
    if (endpoint === '') {
      // Go would listen on any free port of every interface, which nobody can want
      this.#settings.logger.warn('endpoint is empty: no profiles are served');
      return;
    }
    this.#server = await AdminServer.start(
      { endpoint },
      (request, { path, query }) => this.#answer(path, query, request.method),
      { host },
    );
    await this.#heap.start();
    this.#settings.logger.info('Starting pprof server', { endpoint });
  }

  async shutdown(): Promise<void> {
    await this.#server?.close();
    this.#heap.stop();
    const saved = this.#saved;
    this.#saved = undefined;
    if (saved !== undefined) await writeFile(this.#config.save_to_file, await saved.stop());
  }

  /** The port it listens on, for tests that ask for any free one. */
  get port(): number {
    return this.#server?.port ?? 0;
  }

  async #answer(path: string, query: URLSearchParams, method: string): Promise<HttpResponse> {
    if (!path.startsWith(PREFIX)) return NOT_FOUND;
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'method not allowed');
    const name = path.slice(PREFIX.length);
    switch (name) {
      case '':
        return content(200, 'text/html; charset=utf-8', INDEX);
      case 'cmdline':
        return content(200, 'text/plain; charset=utf-8', process.argv.join('\0'));
      case 'heap':
        return profileFile('heap', await this.#heap.profile());
      case 'profile':
        return this.#cpu(query);
      default: {
        const reason = Object.hasOwn(ABSENT, name) ? ABSENT[name] : 'unknown profile';
        return text(404, `${name}: ${reason}`);
      }
    }
  }

  async #cpu(query: URLSearchParams): Promise<HttpResponse> {
    const wanted = Number(query.get('seconds') ?? DEFAULT_SECONDS);
    const seconds = wanted > 0 ? wanted : DEFAULT_SECONDS;
    if (seconds > MAX_SECONDS) return text(400, `profile duration exceeds ${MAX_SECONDS} seconds`);
    if (this.#profiling) {
      return text(500, 'Could not enable CPU profiling: cpu profiling already in use');
    }
    this.#profiling = true;
    try {
      const profile = await CpuProfile.start(this.#settings.clock, INTERVAL_MICROS);
      await new Promise<void>((resolve) => this.#settings.clock.after(seconds * 1000, resolve));
      return profileFile('profile', await profile.stop());
    } finally {
      this.#profiling = false;
    }
  }
}

function profileFile(name: string, profile: Buffer): HttpResponse {
  return content(200, 'application/octet-stream', profile, [['Content-Disposition', `attachment; filename="${name}"`]]);
}

const INDEX = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${PREFIX}</title>
<style>body{font:16px/1.5 sans-serif;max-width:45em;margin:2em auto;padding:0 1em}dt{font-weight:bold}</style></head>
<body><h1>${PREFIX}</h1>
<dl>
<dt><a href="heap">heap</a></dt><dd>Who allocated what is on the JavaScript heap. Buffers lie outside of it.</dd>
<dt><a href="profile?seconds=10">profile</a></dt>
<dd>CPU time of the main thread; <code>seconds</code> says for how long, ${DEFAULT_SECONDS} if absent.</dd>
<dt><a href="cmdline">cmdline</a></dt><dd>The command line of the process.</dd>
</dl>
<p>Read a profile with <code>go tool pprof -http : FILE</code>, or any viewer of the pprof format.</p>
</body></html>
`;
