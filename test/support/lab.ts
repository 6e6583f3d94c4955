import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countItems, type Json } from '../golden/normalise.ts';
import { call } from '../golden/steps.ts';
import { Daemon } from './daemon.ts';

/** A temporary folder and the processes of one test; all end with the scope: `await using lab = new Lab()`. */
export class Lab implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-test-'));
  readonly #daemons: Daemon[] = [];

  /** Writes the configuration to a file and runs weir on it, or `command`, such as the reference collector. */
  run(
    yaml: string,
    command?: readonly string[],
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Daemon {
    const file = this.write(`config-${this.#daemons.length}.yaml`, yaml);
    const options = { args: ['--config', file, ...args], cwd: this.folder, env };
    const daemon = new Daemon(command === undefined ? options : { ...options, command });
    this.#daemons.push(daemon);
    return daemon;
  }

  write(name: string, content: string): string {
    const file = this.path(name);
    writeFileSync(file, content);
    return file;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The documents in a file that the file exporter writes; none where there is no file yet. */
  documents(name: string): Json[] {
    if (!existsSync(this.path(name))) return [];
    const lines = readFileSync(this.path(name), 'utf8').split('\n');
    // the last line may still be being written
    return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line));
  }

  /** Spans, data points and log records in such a file. */
  count(name: string): number {
    return this.documents(name).reduce((sum, document) => sum + countItems(document), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) if (daemon.running) daemon.process.kill('SIGKILL');
    await Promise.all(this.#daemons.map((daemon) => daemon.exited()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function spansBody(names: readonly string[]): Buffer {
  const spans = names.map((name, i) => ({
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: (i + 1).toString(16).padStart(16, '0'),
    name,
    startTimeUnixNano: '1760000000000000000',
    endTimeUnixNano: '1760000000001000000',
  }));
  return Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** Posts OTLP/JSON spans with these names; the status of the answer. */
export async function postSpans(port: number, names: readonly string[], headers: Record<string, string> = {}) {
  const answer = await call(port, 'POST', '/v1/traces', spansBody(names), { ...JSON_TYPE, ...headers });
  return answer.status;
}

/** The same over TLS, whose certificate does not matter. */
export async function postSpansTls(port: number, names: readonly string[], headers: Record<string, string> = {}) {
  const target = { host: '127.0.0.1', port, method: 'POST', path: '/v1/traces', agent: false } as const;
  const request = https.request({ ...target, rejectUnauthorized: false, headers: { ...JSON_TYPE, ...headers } });
  request.end(spansBody(names));
  const [response] = await once(request, 'response');
  await response.resume().toArray();
  request.destroy();
  return Number(response.statusCode);
}

/** The names of the spans in such documents, sorted. */
export function spanNames(documents: readonly Json[]): string[] {
  const names: string[] = [];
  for (const document of documents) {
    for (const resource of document.resourceSpans ?? []) {
      for (const scope of resource.scopeSpans ?? []) for (const span of scope.spans ?? []) names.push(span.name);
    }
  }
  return names.sort();
}
