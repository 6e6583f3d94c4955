import { scan } from '../../core/otlp/scan/scan.ts';
import { StateReader, StateWriter } from '../../core/stream/codec.ts';
import { Reason } from './audit.ts';
import type { Ledger } from './ledger.ts';
import { Decision } from './policies/policy.ts';
import { NONE } from './store/arena.ts';
import { Outbox } from './store/outbox.ts';
import { ID_LENGTH } from './store/trace-id.ts';
import type { WaitingChunk } from './store/traces.ts';

/** Times count from the begin of a partition: longer ones are damage, and could not be added. */
const LONGEST_MS = Number.MAX_SAFE_INTEGER;
const NEVER = Number.POSITIVE_INFINITY;

/** Traces as bytes: what is known about each, and its spans. A resource that many have is written once. */
export class TraceWriter {
  readonly #to = new StateWriter();
  readonly #resources = new Map<Buffer, number>();
  readonly #ledger: Ledger;
  readonly #begin: number;

  /** `begin`: the monotonic clock at the time from which the times in the bytes count. */
  constructor(ledger: Ledger, begin: number) {
    this.#ledger = ledger;
    this.#begin = begin;
  }

  write(slot: number): void {
    const { traces } = this.#ledger;
    const { table } = traces;
    const id = Buffer.alloc(ID_LENGTH);
    table.copyId(slot, id, 0);
    const decidedAt = table.decidedAt[slot] as number;
    const to = this.#to.double((table.arrivedAt[slot] as number) - this.#begin).bytes(id);
    to.uint32(table.decision[slot] as number).uint32((table.policy[slot] as number) + 1);
    to.double(decidedAt === NONE ? Number.NaN : decidedAt - this.#begin);
    to.uint32(Math.max(0, table.batch[slot] as number));
    to.uint32((table.spans[slot] as number) >>> 0).double(table.sizeBytes[slot] as number);
    const chunks = [...traces.chunksOf(slot)];
    to.uint32(chunks.length);
    for (const { spans, size, resource, run } of chunks) {
      this.#writeResource(resource);
      to.uint32(spans)
        .uint32(size >>> 0)
        .bytes(run);
    }
  }

  /** Everything that was written. */
  finish(): Buffer {
    return this.#to.finish();
  }

  #writeResource(resource: Buffer): void {
    const known = this.#resources.get(resource);
    this.#to.uint32(known ?? this.#resources.size);
    if (known !== undefined) return;
    this.#to.bytes(resource);
    this.#resources.set(resource, this.#resources.size);
  }
}

/**
 * Puts traces into a ledger that has none, in the order in which they came. `groups`: what writers gave; `begin`: as
 * they had it; `policyOf`: the index that a policy has now. Throws where bytes cannot be read.
 */
export function restoreTraces(
  groups: readonly Buffer[],
  ledger: Ledger,
  begin: number,
  policyOf: (before: number) => number,
): void {
  const readers = groups.map((group) => new TraceReader(group, ledger, begin, policyOf));
  for (;;) {
    let oldest: TraceReader | undefined;
    for (const reader of readers) if (reader.arrivedAt < (oldest?.arrivedAt ?? NEVER)) oldest = reader;
    if (oldest === undefined) return;
    oldest.restore();
  }
}

/** Traces of a group, one after the other. */
class TraceReader {
  /** When the next one came; NEVER where there is none. */
  arrivedAt = Number.NEGATIVE_INFINITY;
  readonly #from: StateReader;
  readonly #ledger: Ledger;
  readonly #begin: number;
  readonly #policyOf: (before: number) => number;
  readonly #resources: Buffer[] = [];

  constructor(bytes: Buffer, ledger: Ledger, begin: number, policyOf: (before: number) => number) {
    this.#from = new StateReader(bytes);
    this.#ledger = ledger;
    this.#begin = begin;
    this.#policyOf = policyOf;
    this.#next();
  }

  /** Puts the next one into the ledger. */
  restore(): void {
    const from = this.#from;
    const { table, batches } = this.#ledger.traces;
    const id = from.bytes();
    if (id.length !== ID_LENGTH || table.find(id, 0) !== NONE) throw damage('a trace id');
    const decision = from.uint32() as Decision;
    if (decision > Decision.DROPPED) throw damage('a decision');
    const policy = this.#policyOf(from.uint32() - 1);
    const slot = this.#ledger.open(id, 0);
    table.arrivedAt[slot] = this.#begin + this.arrivedAt;
    const decidedAt = from.double();
    table.decidedAt[slot] = Number.isNaN(decidedAt) ? NONE : this.#begin + finite(decidedAt);
    // a shorter decision_wait counts, a longer one is for traces that come
    batches.hurry(slot, Math.max(0, from.uint32() - batches.tick));
    table.spans[slot] = from.uint32();
    table.sizeBytes[slot] = from.double();
    let isKept = true;
    for (let left = from.uint32(); left > 0; left--) isKept = this.#restoreChunk(slot) && isKept;
    if (!isKept) this.#ledger.giveUp(slot, Reason.NO_MEMORY);
    else if (decision !== Decision.PENDING) this.#ledger.restoreDecided(slot, decision, policy);
    this.#next();
  }

  #next(): void {
    const before = this.arrivedAt;
    this.arrivedAt = this.#from.isAtEnd ? NEVER : finite(this.#from.double());
    if (this.arrivedAt < before) throw damage('the order');
  }

  /** False where there is no memory for it. */
  #restoreChunk(slot: number): boolean {
    const from = this.#from;
    const number = from.uint32();
    if (number === this.#resources.length) this.#resources.push(from.bytes());
    const resource = this.#resources[number];
    if (resource === undefined) throw damage('a resource');
    const chunk = { resource, spans: from.uint32(), size: from.uint32() | 0, run: from.bytes() };
    checkChunk(chunk);
    return this.#ledger.traces.restore(slot, chunk);
  }
}

/** What to throw about bytes that nobody wrote like this. */
export function damage(what: string): Error {
  return new Error(`the snapshot is damaged: ${what}`);
}

function checkChunk({ resource, run, spans }: WaitingChunk): void {
  const group = Buffer.alloc(Outbox.groupLength(resource.length, run.length));
  run.copy(group, Outbox.writeHead(group, 0, resource, 0, resource.length, run.length));
  checkSpans(group, spans);
}

/** Spans are read without looking at lengths again, as they were checked when they came. */
export function checkSpans(request: Buffer, items: number): void {
  let found: number;
  try {
    found = scan('traces', request, 0, request.length);
  } catch (error) {
    throw damage((error as Error).message);
  }
  if (found !== items) throw damage(`${found} spans instead of ${items}`);
}

export function finite(value: number): number {
  if (!(Math.abs(value) <= LONGEST_MS)) throw damage('a time');
  return value;
}
