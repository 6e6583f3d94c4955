import type { Groups } from '../../../core/otlp/readers/groups.ts';
import { Decision } from '../policies/policy.ts';
import type { TraceView } from '../policies/trace-view.ts';
import { Arena, Header, NONE } from './arena.ts';
import { Batches } from './batches.ts';
import type { TraceGrouper } from './grouper.ts';
import type { Journal, StoredChunk } from './journal.ts';
import { type Label, NO_LABEL, Outbox } from './outbox.ts';
import { Resources } from './resources.ts';
import { TraceTable } from './trace-table.ts';

/** Spans of a trace from one resource group: a resource is the same buffer in all chunks that have it. */
export type WaitingChunk = Pick<StoredChunk, 'spans' | 'size' | 'resource' | 'run'>;

/**
 * Traces with their spans, as the bytes in which they came. A chunk has the spans of one trace from one resource group
 * of a request: their scope groups, ready to be sent, and the number of their resource.
 */
export class Traces {
  readonly table: TraceTable;
  readonly batches: Batches;
  readonly #arena = new Arena();
  readonly #resources = new Resources();
  /** Told about each freed chunk that is kept over restarts. */
  onFree: ((segment: number) => void) | undefined;
  /** The resource of the group that is being taken in; NONE before its first chunk. */
  #resource = NONE;

  constructor(seed: number, waitTicks: number) {
    this.table = new TraceTable(seed);
    this.batches = new Batches(this.table, waitTicks);
  }

  /** What undecided spans take. */
  get bytes(): number {
    return this.#arena.alive + this.#resources.bytes;
  }

  /** Bytes taken from the system for spans. */
  get reserved(): number {
    return this.#arena.reserved;
  }

  /** A trace that is not known yet. */
  open(idBuffer: Buffer, idAt: number, now: number): number {
    const { table } = this;
    const slot = table.insert(idBuffer, idAt);
    table.first[slot] = table.last[slot] = NONE;
    table.spans[slot] = table.sizeBytes[slot] = 0;
    table.arrivedAt[slot] = now;
    table.decidedAt[slot] = NONE;
    table.decision[slot] = Decision.PENDING;
    table.policy[slot] = NONE;
    this.batches.add(slot);
    return slot;
  }

  /** Copies the spans of a trace; NONE where there is no memory left. */
  add(slot: number, grouper: TraceGrouper, index: number, groups: Groups, size: number): number {
    const arena = this.#arena;
    const chunk = arena.allocate(grouper.runLength(index));
    if (chunk === NONE) return NONE;
    if (this.#resource === NONE) {
      this.#resource = this.#resources.add(groups.buffer, groups.resourceStart, groups.resourceEnd);
    }
    this.#resources.retain(this.#resource);
    grouper.writeRun(index, arena.bytes, arena.at);
    this.#describe(this.#resource, grouper.count[index] as number, size);
    this.#link(slot, chunk);
    return chunk;
  }

  /** The same for a chunk that was kept over a restart; false where there is no memory left. */
  restore(slot: number, stored: WaitingChunk, segment = NONE): boolean {
    const { resource, run, spans, size } = stored;
    const arena = this.#arena;
    const chunk = arena.allocate(run.length);
    if (chunk === NONE) {
      this.onFree?.(segment);
      return false;
    }
    run.copy(arena.bytes, arena.at);
    this.#describe(this.#resources.add(resource, 0, resource.length), spans, size);
    arena.write(chunk, Header.SEGMENT, segment);
    this.#link(slot, chunk);
    return true;
  }

  /** Has a chunk kept over restarts. */
  keep(chunk: number, journal: Journal, id: Buffer, arrivedAt: number): void {
    const arena = this.#arena;
    arena.locate(chunk);
    const { words, word, at } = arena;
    words[word + Header.SEGMENT] = journal.add({
      id,
      arrivedAt,
      spans: words[word + Header.SPANS] as number,
      size: words[word + Header.SIZE] as number,
      resource: this.#resources.get(words[word + Header.RESOURCE] as number),
      run: arena.bytes.subarray(at, at + (words[word + Header.LENGTH] as number)),
    });
  }

  /** The chunks of a trace in their order, as they lie in memory: to be read before anything else is done. */
  *chunksOf(slot: number): Generator<WaitingChunk> {
    const arena = this.#arena;
    for (let chunk = this.table.first[slot] as number; chunk !== NONE; chunk = arena.read(chunk, Header.NEXT)) {
      arena.locate(chunk);
      const { words, word, at } = arena;
      yield {
        spans: words[word + Header.SPANS] as number,
        size: words[word + Header.SIZE] as number,
        resource: this.#resources.get(words[word + Header.RESOURCE] as number),
        run: arena.bytes.subarray(at, at + (words[word + Header.LENGTH] as number)),
      };
    }
  }

  /** After the last trace of a resource group. */
  endResource(): void {
    if (this.#resource !== NONE) this.#resources.release(this.#resource);
    this.#resource = NONE;
  }

  showAll(slot: number, view: TraceView): void {
    for (let chunk = this.table.first[slot] as number; chunk !== NONE; ) {
      this.show(chunk, view);
      chunk = this.#arena.read(chunk, Header.NEXT);
    }
  }

  show(chunk: number, view: TraceView): void {
    const arena = this.#arena;
    arena.locate(chunk);
    const { words, word, at } = arena;
    const resource = this.#resources.get(words[word + Header.RESOURCE] as number);
    const end = at + (words[word + Header.LENGTH] as number);
    view.addChunk(arena.bytes, at, end, resource, words[word + Header.SIZE] as number);
  }

  /** Each chunk becomes a resource group of its own, as in the collector. */
  send(slot: number, outbox: Outbox, label: Label): void {
    this.#sendChunks(this.table.first[slot] as number, NONE, outbox, label);
  }

  /** The same, with the label only on the chunk that came last. */
  sendLabellingLast(slot: number, outbox: Outbox, label: Label): void {
    const last = this.table.last[slot] as number;
    this.#sendChunks(this.table.first[slot] as number, last, outbox, NO_LABEL);
    this.#sendChunks(last, NONE, outbox, label);
  }

  /** The chunks from `first` up to the one before `end`. */
  #sendChunks(first: number, end: number, outbox: Outbox, label: Label): void {
    if (first === end) return;
    const arena = this.#arena;
    let length = 0;
    let spans = 0;
    for (let chunk = first; chunk !== end; chunk = arena.read(chunk, Header.NEXT)) {
      const resource = this.#resources.get(arena.read(chunk, Header.RESOURCE));
      length += Outbox.groupLength(resource.length, arena.read(chunk, Header.LENGTH));
      spans += arena.read(chunk, Header.SPANS);
    }
    outbox.add(length, spans, label, (target, start) => {
      let at = start;
      for (let chunk = first; chunk !== end; ) {
        arena.locate(chunk);
        const { words, word } = arena;
        const resource = this.#resources.get(words[word + Header.RESOURCE] as number);
        const run = words[word + Header.LENGTH] as number;
        at = Outbox.writeHead(target, at, resource, 0, resource.length, run);
        at += arena.bytes.copy(target, at, arena.at, arena.at + run);
        chunk = words[word + Header.NEXT] as number;
      }
    });
  }

  /** Ends the waiting of a trace and frees its spans; the trace stays known. */
  settle(slot: number): void {
    this.batches.remove(slot);
    const { first, last } = this.table;
    for (let chunk = first[slot] as number; chunk !== NONE; ) {
      const following = this.#arena.read(chunk, Header.NEXT);
      const segment = this.#arena.read(chunk, Header.SEGMENT);
      if (segment !== NONE) this.onFree?.(segment);
      this.#resources.release(this.#arena.read(chunk, Header.RESOURCE));
      this.#arena.free(chunk);
      chunk = following;
    }
    first[slot] = last[slot] = NONE;
  }

  remove(slot: number): void {
    this.settle(slot);
    this.table.remove(slot);
  }

  /** Gives memory back that few traces hold; to be called now and then. */
  compact(): void {
    this.#arena.compact((from, to) => this.#relink(from, to));
  }

  /** The numbers of the chunk that was allocated last. */
  #describe(resource: number, spans: number, size: number): void {
    const { words, word } = this.#arena;
    words[word + Header.RESOURCE] = resource;
    words[word + Header.SPANS] = spans;
    words[word + Header.SIZE] = size;
    words[word + Header.SEGMENT] = NONE;
  }

  #link(slot: number, chunk: number): void {
    const { first, last } = this.table;
    const { words, word } = this.#arena;
    const before = last[slot] as number;
    words[word + Header.TRACE] = slot;
    words[word + Header.NEXT] = NONE;
    words[word + Header.PREVIOUS] = before;
    if (before === NONE) first[slot] = chunk;
    else this.#arena.write(before, Header.NEXT, chunk);
    last[slot] = chunk;
  }

  #relink(_from: number, to: number): void {
    const arena = this.#arena;
    const { first, last } = this.table;
    const slot = arena.read(to, Header.TRACE);
    const previous = arena.read(to, Header.PREVIOUS);
    const next = arena.read(to, Header.NEXT);
    if (previous === NONE) first[slot] = to;
    else arena.write(previous, Header.NEXT, to);
    if (next === NONE) last[slot] = to;
    else arena.write(next, Header.PREVIOUS, to);
  }
}
