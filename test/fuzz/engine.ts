import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Random } from '../differential/random.ts';
import { mutateBytes } from './mutate-bytes.ts';

/** What is fuzzed: one way by which bytes of others come in. */
export interface Target {
  readonly name: string;
  /** Inputs to begin with. */
  seeds(): readonly Buffer[];
  /** One change or several; octets where it knows no structure. */
  mutate?(input: Buffer, random: Random, pool: readonly Buffer[]): Buffer;
  /** Whether the input was taken. Throws where what happened is not what should: then the input is a finding. */
  check(input: Buffer): boolean | Promise<boolean>;
}

export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly mutation: number;
  readonly input: Buffer;
  readonly error: Error;
}

export interface Outcome {
  readonly mutations: number;
  readonly accepted: number;
  readonly findings: readonly Finding[];
}

export interface FuzzOptions {
  readonly seed: number;
  readonly mutations: number;
  /** Called before each check, with what will be checked. */
  readonly onInput?: (input: Buffer, mutation: number) => void;
}

/** Longer inputs take longer and find no more. */
const MAX_INPUT = 8 << 10;
/** What was taken is changed again, so that changes add up: so many inputs, and this share of those that are taken. */
const POOL = 400;
const KEEP = 0.05;
/** Beyond what the process needs anyway. */
const MAX_GROWTH = 512 << 20;
const LOOK_EVERY = 4096;
/** Inputs of 8 KiB take microseconds. A busy machine may stop a process for a second. */
const SLOW_MS = 4000;
const MAX_FINDINGS = 10;

/** Changes inputs and checks them. The same seed finds the same. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<Outcome> {
  const random = new Random(options.seed);
  const seeds = target.seeds();
  const pool = [...seeds];
  const before = process.memoryUsage.rss();
  const findings = new Map<string, Finding>();
  let accepted = 0;
  let mutation = 0;
  for (; mutation < options.mutations && findings.size < MAX_FINDINGS; mutation++) {
    const changed = (target.mutate ?? mutateBytes)(random.pick(pool), random, pool);
    const input = changed.length > MAX_INPUT ? changed.subarray(0, MAX_INPUT) : changed;
    options.onInput?.(input, mutation);
    const began = performance.now();
    try {
      const verdict = target.check(input);
      const taken = verdict === true || (verdict !== false && (await verdict));
      if (taken) accepted++;
      if (performance.now() - began > SLOW_MS) throw new Error('took too long');
      if (mutation % LOOK_EVERY === 0) checkMemory(before);
      if (taken && random.chance(KEEP)) {
        if (pool.length < seeds.length + POOL) pool.push(input);
        else pool[seeds.length + random.below(POOL)] = input;
      }
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught));
      const finding = { target: target.name, seed: options.seed, mutation, input, error };
      if (!findings.has(kindOf(error))) findings.set(kindOf(error), finding);
    }
  }
  return { mutations: mutation, accepted, findings: [...findings.values()] };
}

function checkMemory(before: number): void {
  if (process.memoryUsage.rss() - before < MAX_GROWTH) return;
  // the heap is allowed to be lazy; what is left when it is told to be tidy is held by somebody
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  if (heapUsed + external > MAX_GROWTH) throw new Error(`${(heapUsed + external) >> 20} MiB of memory are held`);
}

/** Findings with the same text but for numbers and values are one. */
function kindOf(error: Error): string {
  const [first = ''] = error.message.split('\n');
  return `${error.name} ${first.replace(/[0-9a-f]{4,}|\d+|"[^"]*"|'[^']*'/g, '#').slice(0, 200)}`;
}

/** The shortest input that is found for the same reason, by leaving out ever smaller parts. */
export async function minimise(target: Target, { input, error }: Finding): Promise<Buffer> {
  const kind = kindOf(error);
  let best = input;
  for (let size = best.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.length; ) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      if (shorter.length < best.length && (await failsAs(target, shorter, kind))) best = shorter;
      else at += size;
    }
  }
  return best;
}

async function failsAs(target: Target, input: Buffer, kind: string): Promise<boolean> {
  try {
    await target.check(input);
    return false;
  } catch (error) {
    return error instanceof Error && kindOf(error) === kind;
  }
}
