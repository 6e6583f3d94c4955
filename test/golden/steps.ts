import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { parseExposition } from '../support/exposition.ts';
import { diff, lacks, short } from './diff.ts';
import { type Compare, canonical, type Json } from './normalise.ts';

/** One line of a case's `steps.json`: a request and what the answer must be, a pause, or a scrape. */
export interface Step {
  /** The file to send; `.pb` is protobuf, anything else is text in which `"@now-5000ms"` is a time. */
  readonly post?: string;
  readonly bodyText?: string;
  readonly bodyRepeat?: number;
  readonly path?: string;
  /** The environment variable that holds the port; OTLP_HTTP_PORT unless told. */
  readonly port?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly alreadyEncoded?: boolean;
  readonly repeat?: number;
  readonly waitMs?: number;
  readonly timeoutMs?: number;
  readonly expectStatus?: number | readonly number[] | null;
  /** Patterns that whole header values match; null: the header is absent. */
  readonly expectHeaders?: Readonly<Record<string, string | null>>;
  readonly expectJson?: Json;
  readonly expectBody?: string;
  readonly expectBodyContains?: readonly string[];
  /** The name under `scrapes` in expected.json. */
  readonly scrape?: string;
  readonly settleMs?: number;
  readonly untilMs?: number;
  readonly compare?: Compare;
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

const DEFAULT_TIMEOUT_MS = 20_000;
const SCRAPE_UNTIL_MS = 5_000;
const ENCODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  zlib: deflateSync,
  zstd: zstdCompressSync,
};

/** Runs a step; the difference from what it expects, or undefined. */
export async function runStep(
  step: Step,
  folder: string,
  ports: ReadonlyMap<string, number>,
): Promise<string | undefined> {
  const isRequest = step.post !== undefined || step.bodyText !== undefined || step.path !== undefined;
  if (!isRequest) {
    await sleep(step.waitMs ?? 0);
    return undefined;
  }
  const body = bodyOf(step, folder);
  const method = step.method ?? (body === undefined ? 'GET' : 'POST');
  const path = step.path ?? signalPath(body);
  const port = portOf(step, ports);
  for (let i = 0; i < (step.repeat ?? 1); i++) {
    const answer = await call(port, method, path, body, headersOf(step, body !== undefined), step.timeoutMs);
    const fault = checkAnswer(step, answer);
    if (fault !== undefined) return `${method} ${path} (${step.post ?? 'text'}): ${fault}`;
  }
  await sleep(step.waitMs ?? 0);
  return undefined;
}

/** Fetches an exposition until it agrees with `want`, or time is up. */
export async function runScrape(
  step: Step,
  want: Json,
  compare: Compare,
  ports: ReadonlyMap<string, number>,
): Promise<{ got: Json; fault: string | undefined }> {
  const options = { ...compare, ...step.compare };
  const end = performance.now() + (step.untilMs ?? SCRAPE_UNTIL_MS);
  await sleep(step.settleMs ?? 200);
  for (;;) {
    const answer = await call(portOf(step, ports), 'GET', step.path ?? '/metrics', undefined, step.headers ?? {});
    const got = scrapeDocument(answer.body, options);
    const fault = answer.status === 200 ? diff(want, got, step.scrape!, options.tolerance) : `status ${answer.status}`;
    if (fault === undefined || performance.now() > end) return { got, fault };
    await sleep(100);
  }
}

/** A request of HTTP/1.1 on a connection of its own; a failure to get an answer is status 0 with the reason. */
export function call(
  port: number,
  method: string,
  path: string,
  body: Buffer | undefined,
  headers: Readonly<Record<string, string>>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<Answer> {
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve({ status: 0, headers: {}, body: error.message });
    const outgoing = request(
      { host: '127.0.0.1', port, method, path, agent: false, timeout: timeoutMs },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', failed);
        incoming.on('end', () => {
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
    outgoing.on('error', failed).on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.end(body);
  });
}

function portOf(step: Step, ports: ReadonlyMap<string, number>): number {
  const name = step.port ?? 'OTLP_HTTP_PORT';
  const port = ports.get(name);
  if (port === undefined) throw new Error(`the configuration names no port ${name}`);
  return port;
}

function bodyOf(step: Step, folder: string): Buffer | undefined {
  const raw = rawBody(step, folder);
  const encode = step.alreadyEncoded ? undefined : ENCODERS[step.contentEncoding ?? ''];
  return raw === undefined || encode === undefined ? raw : encode(raw);
}

function rawBody(step: Step, folder: string): Buffer | undefined {
  if (step.bodyText !== undefined) return Buffer.from(step.bodyText.repeat(step.bodyRepeat ?? 1));
  if (step.post === undefined) return undefined;
  const content = readFileSync(join(folder, step.post));
  return step.post.endsWith('.pb') ? content : Buffer.from(insertTimes(content.toString('utf8')));
}

/** `"@now"`, `"@now-5000ms"` → Unix nanoseconds as a string. */
function insertTimes(text: string): string {
  const now = BigInt(Date.now());
  return text.replace(/"@now(?:([+-]\d+)ms)?"/g, (_, shift = '0') => `"${(now + BigInt(shift)) * 1_000_000n}"`);
}

function signalPath(body: Buffer | undefined): string {
  if (body?.includes('resourceMetrics')) return '/v1/metrics';
  return body?.includes('resourceLogs') ? '/v1/logs' : '/v1/traces';
}

function headersOf(step: Step, hasBody: boolean): Record<string, string> {
  const headers: Record<string, string> = {};
  const fallback = step.post?.endsWith('.pb') ? 'application/x-protobuf' : 'application/json';
  const type = step.contentType ?? fallback;
  if (hasBody && type !== '') headers['content-type'] = type;
  if (step.contentEncoding !== undefined) headers['content-encoding'] = step.contentEncoding;
  return { ...headers, ...step.headers };
}

function checkAnswer(step: Step, answer: Answer): string | undefined {
  const want = step.expectStatus === undefined ? 200 : step.expectStatus;
  if (want !== null && ![want].flat().includes(answer.status)) {
    return `status ${answer.status}, expected ${want} (${answer.body.slice(0, 200)})`;
  }
  for (const [name, pattern] of Object.entries(step.expectHeaders ?? {})) {
    const got = answer.headers[name.toLowerCase()];
    if (pattern === null ? got !== undefined : !new RegExp(`^(?:${pattern})$`).test(String(got ?? ''))) {
      return `header ${name} is ${got}, expected ${pattern}`;
    }
  }
  return checkBody(step, answer.body);
}

function checkBody(step: Step, body: string): string | undefined {
  if (step.expectJson !== undefined) {
    const parsed = parseJson(body);
    if (parsed === undefined) return `body is not JSON: ${short(body)}`;
    const fault = lacks(step.expectJson, parsed);
    if (fault !== undefined) return fault;
  }
  if (step.expectBody !== undefined && body.trim() !== step.expectBody.trim()) {
    return `body is ${short(body)}, expected ${short(step.expectBody)}`;
  }
  const missing = step.expectBodyContains?.find((part) => !body.includes(part));
  return missing === undefined ? undefined : `body lacks ${short(missing)}: ${short(body)}`;
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function scrapeDocument(text: string, compare: Compare): Json {
  const out: Json = {};
  for (const [name, family] of parseExposition(text)) {
    if (compare.ignoreMetrics?.some((p) => new RegExp(p).test(name))) continue;
    const series = family.series.map((s) => {
      const labels = Object.entries(s.labels).filter(([k]) => !compare.ignoreLabels?.includes(k));
      return [s.name, Object.fromEntries(labels), Number.isFinite(s.value) ? s.value : String(s.value)];
    });
    series.sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
    out[name] = { type: family.type, ...(!compare.ignoreHelp && { help: family.help ?? null }), series };
  }
  return out;
}
