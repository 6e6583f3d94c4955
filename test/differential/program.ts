import type { Json } from '../golden/normalise.ts';
import { call } from '../golden/steps.ts';
import type { Daemon } from '../support/daemon.ts';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import type { ConfigMap, Pipeline } from './stage.ts';

export interface Request {
  readonly signal: Pipeline['signal'];
  readonly body: Buffer;
}

/** What one pipeline gave: documents of the file exporter, or pages. */
export type Outcome = { readonly documents: readonly Json[] } | { readonly pages: readonly string[] };

export interface RunResult {
  /** Of every request. */
  readonly statuses: readonly number[];
  readonly outcomes: readonly Outcome[];
}

const HEADERS = { 'content-type': 'application/x-protobuf', 'x-tenant': 'acme' };
/** What the exporter's page is asked for as. */
const ACCEPTS = [
  'text/plain',
  'application/openmetrics-text;version=1.0.0',
  'text/plain;version=0.0.4;escaping=allow-utf-8',
];

/** Both programs say so; the collector listens before all its exporters have started. */
const READY = 'Everything is ready';

/** The program does not accept the configuration; the message has what it said. */
export class Refused extends Error {}

/** Runs a program on all pipelines at once: every request goes to every pipeline of its signal. */
export async function run(
  command: readonly string[] | undefined,
  pipelines: readonly Pipeline[],
  requests: readonly Request[],
  settleMs: number,
): Promise<RunResult> {
  await using lab = new Lab();
  const port = await freePort();
  const pagePorts = new Map<number, number>();
  for (const [i, { kind }] of pipelines.entries()) if (kind === 'exporter') pagePorts.set(i, await freePort());
  const config = configuration(
    pipelines,
    port,
    (i) => pagePorts.get(i),
    (name) => lab.path(name),
  );
  // a dollar sign would begin a variable
  const daemon = lab.run(JSON.stringify(config).replaceAll('$', '$$$$'), command);
  await started(daemon, port);
  const statuses: number[] = [];
  for (const { signal, body } of requests) {
    statuses.push((await call(port, 'POST', `/v1/${signal}`, body, HEADERS)).status);
  }
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const pages = new Map<number, string[]>();
  for (const [i, pagePort] of pagePorts) pages.set(i, await scrape(pagePort));
  const status = await daemon.stop();
  if (status !== 0) throw new Error(`exit status ${status}:\n${daemon.output}`);
  const outcomes = pipelines.map((_, i) => {
    const page = pages.get(i);
    return page === undefined ? { documents: lab.documents(`${i}.json`) } : { pages: page };
  });
  return { statuses, outcomes };
}

async function started(daemon: Daemon, port: number): Promise<void> {
  try {
    await daemon.until('the start of all components', () => daemon.output.includes(READY));
    await daemon.listening(port);
  } catch (error) {
    if (daemon.running) throw error;
    throw new Refused(daemon.output.trim());
  }
}

async function scrape(port: number): Promise<string[]> {
  const pages: string[] = [];
  for (const accept of ACCEPTS) {
    const { status, headers, body } = await call(port, 'GET', '/metrics', undefined, { accept });
    pages.push(`${status} ${headers['content-type']}\n${body}`);
  }
  return pages;
}

function configuration(
  pipelines: readonly Pipeline[],
  port: number,
  pagePort: (index: number) => number | undefined,
  path: (name: string) => string,
): ConfigMap {
  const sections: Record<'processors' | 'connectors' | 'exporters', Record<string, ConfigMap>> = {
    processors: {},
    connectors: {},
    exporters: {},
  };
  const service: Record<string, ConfigMap> = {};
  for (const [i, { kind, type, signal, config }] of pipelines.entries()) {
    const id = `${type}/${i}`;
    const endpoint = kind === 'exporter' ? { endpoint: `127.0.0.1:${pagePort(i)}` } : {};
    sections[`${kind}s`][id] = { ...config, ...endpoint };
    const file = kind === 'exporter' ? id : `file/${i}`;
    if (kind !== 'exporter') sections.exporters[file] = { path: path(`${i}.json`) };
    const out = kind === 'connector' ? id : file;
    service[`${signal}/${i}`] = { receivers: ['otlp'], processors: kind === 'processor' ? [id] : [], exporters: [out] };
    if (kind === 'connector') service[`metrics/out${i}`] = { receivers: [id], processors: [], exporters: [file] };
  }
  const http = { endpoint: `127.0.0.1:${port}`, include_metadata: true };
  return {
    receivers: { otlp: { protocols: { http } } },
    ...sections,
    service: { telemetry: { logs: { level: 'info' }, metrics: { level: 'none' } }, pipelines: service },
  };
}
