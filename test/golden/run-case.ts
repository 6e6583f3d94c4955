import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/ports.ts';
import { diff } from './diff.ts';
import { type Compare, type Json, normalise } from './normalise.ts';
import { runScrape, runStep, type Step } from './steps.ts';

/** A case's `meta.json`; every part may be left out. */
interface Meta {
  /** Least wait after the steps. */
  readonly settleMs?: number;
  /** How long to wait for the outputs to agree. */
  readonly untilMs?: number;
  readonly configs?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly waitPorts?: readonly string[];
  /** Patterns that the log must match at the end. */
  readonly expectLog?: readonly string[];
  readonly compare?: Compare;
}

/** A case with its configuration's names filled in, in a temporary folder of its own. */
interface Prepared {
  readonly folder: string;
  readonly meta: Meta;
  readonly ports: ReadonlyMap<string, number>;
  /** Environment variable → file that the file exporter writes. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string>>;
  readonly scratch: string;
}

const SETTLE_MS = 150;
const POLL_MS = 50;

/**
 * Runs weir on a case folder (see test/golden/README.md). The first difference, or undefined when all is as expected.
 * With `update`, what came out is written to expected.json and nothing is compared.
 */
export async function runCase(folder: string, update = false): Promise<string | undefined> {
  const prepared = await prepare(folder);
  try {
    if (existsSync(join(folder, 'expected.err'))) return await runRefused(prepared, update);
    return await runFlow(prepared, update);
  } finally {
    rmSync(prepared.scratch, { recursive: true, force: true });
  }
}

async function prepare(folder: string): Promise<Prepared> {
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  const scratch = mkdtempSync(join(tmpdir(), 'weir-case-'));
  const ports = new Map<string, number>();
  for (const name of namesIn(texts, /\$\{env:([A-Z0-9_]*_PORT)\}/g)) ports.set(name, await freePort());
  const outputs = new Map(
    namesIn(texts, /\$\{env:(OUT_FILE\w*)\}/g).map((name) => [name, join(scratch, `${name.toLowerCase()}.json`)]),
  );
  const meta: Meta = readJson(join(folder, 'meta.json')) ?? {};
  const env: Record<string, string> = {
    CASE_DIR: folder,
    OUT_DIR: scratch,
    ...Object.fromEntries(outputs),
    ...meta.env,
  };
  for (const [name, port] of ports) env[name] ??= String(port);
  return { folder, meta, ports, outputs, env, scratch };
}

function launch({ folder, meta, env }: Prepared, ...command: string[]): Daemon {
  const configs = (meta.configs ?? ['config.yaml']).flatMap((name) => ['--config', join(folder, name)]);
  return new Daemon({ args: [...command, ...configs, ...(meta.args ?? [])], env });
}

/** A configuration that must be refused; every line of expected.err must be in the message. */
async function runRefused(prepared: Prepared, update: boolean): Promise<string | undefined> {
  const daemon = launch(prepared, 'validate');
  const status = await daemon.exited();
  if (status !== 1) return `exit status ${status}, expected 1:\n${daemon.output}`;
  const file = join(prepared.folder, 'expected.err');
  if (update) {
    writeFileSync(file, daemon.output.replaceAll(prepared.folder, '.'));
    return undefined;
  }
  const output = daemon.output.replaceAll(prepared.folder, '.');
  const missing = readFileSync(file, 'utf8')
    .split('\n')
    .find((line) => !output.includes(line.trim()));
  return missing === undefined ? undefined : `the message lacks "${missing}":\n${output}`;
}

async function runFlow(prepared: Prepared, update: boolean): Promise<string | undefined> {
  const { folder, meta, ports } = prepared;
  const expected: Json = readJson(join(folder, 'expected.json')) ?? {};
  const hanging = await hang(ports.get('HANG_PORT'));
  const daemon = launch(prepared);
  try {
    const awaited = [...ports].filter(([name]) => name.startsWith('OTLP_') || meta.waitPorts?.includes(name));
    await daemon.listening(...awaited.map(([, port]) => port));
    const scrapes: Json = {};
    for (const step of stepsOf(folder)) {
      const fault = await runAny(step, prepared, expected, scrapes);
      if (fault !== undefined && !update) return fault;
    }
    await settled(prepared, expected, daemon, update);
    if (!daemon.running) return `the process ended during the case:\n${daemon.output}`;
    const status = await daemon.stop();
    if (status !== 0) return `exit status ${status} after SIGTERM:\n${daemon.output}`;
    if (update) {
      writeExpected(prepared, scrapes);
      return undefined;
    }
    return compareFiles(prepared, expected) ?? checkLog(meta, daemon.output);
  } finally {
    if (daemon.running) daemon.process.kill('SIGKILL');
    hanging?.close();
  }
}

async function runAny(step: Step, prepared: Prepared, expected: Json, scrapes: Json): Promise<string | undefined> {
  if (step.scrape === undefined) return runStep(step, prepared.folder, prepared.ports);
  const want = expected.scrapes?.[step.scrape];
  const { got, fault } = await runScrape(step, want, prepared.meta.compare ?? {}, prepared.ports);
  scrapes[step.scrape] = got;
  return fault;
}

/** Waits until the outputs agree, at most `untilMs`; the verdict falls after the shutdown. */
async function settled(prepared: Prepared, expected: Json, daemon: Daemon, update: boolean): Promise<void> {
  await sleep(prepared.meta.settleMs ?? SETTLE_MS);
  const end = performance.now() + (prepared.meta.untilMs ?? 0);
  while (performance.now() < end && daemon.running && (update || compareFiles(prepared, expected) !== undefined)) {
    await sleep(POLL_MS);
  }
}

function compareFiles(prepared: Prepared, expected: Json): string | undefined {
  for (const name of prepared.outputs.keys()) {
    const fault = diff(expected.files?.[name] ?? {}, output(prepared, name), name, prepared.meta.compare?.tolerance);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function output({ outputs, meta }: Prepared, name: string): Json {
  const compare = { ...meta.compare, ...meta.compare?.perFile?.[name] };
  const file = outputs.get(name)!;
  return normalise(existsSync(file) ? readLines(file) : [], compare);
}

function writeExpected(prepared: Prepared, scrapes: Json): void {
  const files = Object.fromEntries([...prepared.outputs.keys()].sort().map((name) => [name, output(prepared, name)]));
  const document = Object.keys(scrapes).length > 0 ? { files, scrapes } : { files };
  writeFileSync(join(prepared.folder, 'expected.json'), `${JSON.stringify(document, null, 1)}\n`);
}

function checkLog(meta: Meta, log: string): string | undefined {
  const missing = meta.expectLog?.find((pattern) => !new RegExp(pattern, 'm').test(log));
  return missing === undefined ? undefined : `the log does not match ${missing}:\n${log}`;
}

function stepsOf(folder: string): Step[] {
  const inputs = readdirSync(folder).filter((name) => name.startsWith('input-'));
  return readJson(join(folder, 'steps.json')) ?? inputs.sort().map((post) => ({ post }));
}

/** Takes connections and never answers. */
async function hang(port: number | undefined): Promise<Server | undefined> {
  if (port === undefined) return undefined;
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).unref());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server.unref();
}

function readLines(file: string): Json[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => parse(line));
}

function parse(line: string): Json {
  try {
    return JSON.parse(line);
  } catch {
    return { unparsable: line.slice(0, 200) };
  }
}

function readJson(file: string): Json | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function namesIn(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1]!))].sort();
}
