import type { Clock } from '../../core/clock.ts';
import { StateReader, StateWriter } from '../../core/stream/codec.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Ledger } from './ledger.ts';
import { NONE } from './store/arena.ts';
import type { DecisionCache } from './store/decision-cache.ts';
import { checkSpans, damage, finite, restoreTraces, TraceWriter } from './trace-codec.ts';

/** Of the form of the entries. */
export const SNAPSHOT_VERSION = 1;

/** Time, the names of policies, and what else is of the partition as a whole. */
const CLOCK = 'clock';
/** Sampled spans on their way to the next component. */
const OUTBOX = 'outbox';
/** Traces that came in the same second are together, as they are decided together. */
const TRACES = 'traces/';
/** So many seconds have entries of their own, then the first has the next as well: names must not become ever more. */
const GROUPS = 128;
const SAMPLED_IDS = 'sampled/';
const OTHER_IDS = 'others/';
const MILLIS = 1000;
/** Ticks are seconds: more than some decades of them are damage. */
const MAX_TICK = 2 ** 30;

type Entries = Map<string, Buffer | undefined>;

/**
 * Snapshots of what a ledger knows, and of spans that are sampled and not accepted yet. Times in them are those of the
 * partition, which stand still while no process has it.
 */
export class Snapshots {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #policies: readonly string[];
  readonly #caches: readonly (readonly [prefix: string, cache: DecisionCache | undefined])[];
  /** The monotonic clock at time 0 of the partition. */
  #begin: number;
  /** Groups of traces that have changed. */
  readonly #changed = new Uint8Array(GROUPS);
  /** What was stored last. */
  #outbox: Buffer | undefined;
  #tick = NONE;

  constructor(ledger: Ledger, clock: Clock, policies: readonly string[]) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#policies = policies;
    this.#begin = clock.monotonic();
    this.#caches = [
      [SAMPLED_IDS, ledger.sampledIds],
      [OTHER_IDS, ledger.otherIds],
    ];
    for (const [, cache] of this.#caches) cache?.track();
    ledger.changes = this;
  }

  touch(slot: number): void {
    this.#changed[this.#groupOf(slot)] = 1;
  }

  /** See Checkpointed; `waiting`: what was taken from the outbox and not accepted yet. */
  take(which: 'all' | 'changed', waiting: readonly Telemetry[]): Entries {
    const entries = this.#traces(which);
    for (const [prefix, cache] of this.#caches) {
      for (const [block, bytes] of cache?.snapshot(which) ?? []) entries.set(prefix + block, bytes);
    }
    this.#addOutbox(entries, which, waiting);
    const { tick } = this.#ledger.traces.batches;
    // while nobody waits, time has no meaning
    if (which === 'all' || entries.size > 0 || (this.#ledger.pending > 0 && tick !== this.#tick)) {
      entries.set(CLOCK, this.#clockEntry());
      this.#tick = tick;
    }
    return entries;
  }

  /**
   * Takes up what an earlier process knew; returns the batches that it did not get accepted.
   *
   * @throws Error where the entries cannot be read
   */
  restore(entries: ReadonlyMap<string, Buffer>, version: number, context: RequestContext): Telemetry[] {
    if (version !== SNAPSHOT_VERSION) throw new Error(`traces of version ${version} cannot be read`);
    const bytes = entries.get(CLOCK);
    if (bytes === undefined) throw damage(`it has no ${CLOCK}`);
    const clock = new StateReader(bytes);
    this.#begin = this.#clock.monotonic() - finite(clock.double());
    const tick = clock.uint32();
    if (tick > MAX_TICK) throw damage('its time is impossible');
    this.#ledger.traces.batches.begin(tick);
    const names = Array.from({ length: limited(clock.uint32(), bytes) }, () => clock.text());
    const policyOf = (before: number) => (before < 0 ? NONE : this.#policies.indexOf(names[before] ?? ''));
    for (const [prefix, cache] of this.#caches) {
      const oldest = clock.uint32();
      const blocks = numbered(entries, prefix).map(([, block]) => block);
      cache?.restore(blocks, oldest, policyOf);
    }
    const groups = numbered(entries, TRACES).map(([, group]) => group);
    this.#ledger.restoring(() => restoreTraces(groups, this.#ledger, this.#begin, policyOf));
    this.#changed.fill(0);
    return batchesOf(entries.get(OUTBOX), context);
  }

  #groupOf(slot: number): number {
    const age = (this.#ledger.traces.table.arrivedAt[slot] as number) - this.#begin;
    return Math.floor(Math.max(0, age) / MILLIS) % GROUPS;
  }

  #clockEntry(): Buffer {
    const to = new StateWriter();
    to.double(this.#clock.monotonic() - this.#begin).uint32(this.#ledger.traces.batches.tick);
    to.uint32(this.#policies.length);
    for (const policy of this.#policies) to.text(policy);
    for (const [, cache] of this.#caches) to.uint32(cache?.oldest ?? 0);
    return to.finish();
  }

  #addOutbox(entries: Entries, which: 'all' | 'changed', waiting: readonly Telemetry[]): void {
    let bytes: Buffer | undefined;
    if (waiting.length > 0) {
      const to = new StateWriter();
      for (const batch of waiting) to.uint32(batch.items).bytes(batch.bytes());
      bytes = to.finish();
    }
    const isSame = bytes === undefined ? this.#outbox === undefined : this.#outbox?.equals(bytes) === true;
    this.#outbox = bytes;
    if (which === 'all' ? bytes !== undefined : !isSame) entries.set(OUTBOX, bytes);
  }

  #traces(which: 'all' | 'changed'): Entries {
    const { table } = this.#ledger.traces;
    const changed = this.#changed;
    const entries: Entries = new Map();
    if (which === 'changed') {
      if (!changed.includes(1)) return entries;
      for (const [group, isChanged] of changed.entries()) if (isChanged === 1) entries.set(TRACES + group, undefined);
    }
    const writers: (TraceWriter | undefined)[] = [];
    for (let slot = table.oldest; slot !== NONE; slot = table.newer(slot)) {
      const group = this.#groupOf(slot);
      if (which === 'changed' && changed[group] === 0) continue;
      writers[group] ??= new TraceWriter(this.#ledger, this.#begin);
      writers[group].write(slot);
    }
    for (const [group, writer] of writers.entries())
      if (writer !== undefined) entries.set(TRACES + group, writer.finish());
    changed.fill(0);
    return entries;
  }
}

/** The entries of a kind, by their numbers. */
function numbered(entries: ReadonlyMap<string, Buffer>, prefix: string): (readonly [number, Buffer])[] {
  return [...entries]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, bytes]) => [Number(name.slice(prefix.length)), bytes] as const)
    .sort(([a], [b]) => a - b);
}

function batchesOf(bytes: Buffer | undefined, context: RequestContext): Telemetry[] {
  if (bytes === undefined) return [];
  const from = new StateReader(bytes);
  const batches: Telemetry[] = [];
  while (!from.isAtEnd) {
    const items = from.uint32();
    const batch = Telemetry.of('traces', from.bytes(), items, context);
    checkSpans(batch.bytes(), items);
    batches.push(batch);
  }
  return batches;
}

/** A number of things of which each takes a byte or more. */
function limited(count: number, bytes: Buffer): number {
  if (count > bytes.length) throw damage('it ends too early');
  return count;
}
