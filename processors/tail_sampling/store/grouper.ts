import { copyBytes } from '../../../core/otlp/edit/writer.ts';
import { GROUP, type Groups, MEMBER } from '../../../core/otlp/readers/groups.ts';
import { varintSize, writeVarint } from '../../../core/otlp/wire.ts';
import { NONE } from './arena.ts';
import { SpanHead } from './span-head.ts';
import { hashOfId, ID_LENGTH, sameId } from './trace-id.ts';

/** What spans without an id have. */
const NO_ID = Buffer.alloc(ID_LENGTH);
const INITIAL_SPANS = 256;
const LARGEST_KEPT = 1 << 14;
/** Tag and length of a field that is empty. */
const EMPTY_FIELD = 2;

/**
 * Parts a resource group by trace. Each trace gets the scope groups with its spans, in their order; schema URLs are
 * left out, as the collector leaves them out. Positions are in the buffer that was read last, and hold until the next
 * `read`.
 */
export class TraceGrouper {
  traces = 0;
  /** By trace: where its id is (see `idBuffer`), whether one of its spans has no parent, and how many there are. */
  idAt = new Int32Array(INITIAL_SPANS);
  root = new Uint8Array(INITIAL_SPANS);
  count = new Int32Array(INITIAL_SPANS);
  #first = new Int32Array(INITIAL_SPANS);
  #last = new Int32Array(INITIAL_SPANS);

  /** By span: its field, the scope group it is in, and the next span of the trace. */
  #spans = 0;
  #start = new Int32Array(INITIAL_SPANS);
  #end = new Int32Array(INITIAL_SPANS);
  #scopeOf = new Int32Array(INITIAL_SPANS);
  #next = new Int32Array(INITIAL_SPANS);
  /** Bytes that the collector's encoding of the span has more. */
  #extra = new Uint8Array(INITIAL_SPANS);

  readonly #scopeStart: number[] = [];
  readonly #scopeEnd: number[] = [];
  #places = new Int32Array(INITIAL_SPANS * 2);
  #buffer: Buffer = NO_ID;
  /** The trace of the spans without an id. */
  #noId = NONE;
  readonly #seed: number;
  readonly #head: SpanHead;
  readonly #wantsSizes: boolean;

  constructor(seed: number, wants: { readonly sizes: boolean; readonly roots: boolean }) {
    this.#seed = seed;
    this.#wantsSizes = wants.sizes;
    this.#head = new SpanHead(wants.sizes || wants.roots);
  }

  /** The resource group that `groups` is at. */
  read(groups: Groups): void {
    this.#clear();
    const { buffer } = groups;
    this.#buffer = buffer;
    let scope = -1;
    while (groups.nextScope()) {
      scope++;
      this.#scopeStart[scope] = groups.hasScope ? groups.scopeStart : 0;
      this.#scopeEnd[scope] = groups.hasScope ? groups.scopeEnd : NONE;
      while (groups.nextMember()) {
        this.#head.read(buffer, groups.memberStart, groups.memberEnd);
        this.#add(scope, groups.memberField, groups.memberEnd);
      }
    }
  }

  /** The memory in which the id of a trace is. */
  idBuffer(trace: number): Buffer {
    return this.#noId === trace ? NO_ID : this.#buffer;
  }

  /** Length of the scope groups of a trace. */
  runLength(trace: number): number {
    let length = 0;
    for (let span = this.#first[trace] as number; span !== NONE; ) {
      const scope = this.#scopeOf[span] as number;
      let content = this.#scopeLength(scope);
      for (; span !== NONE && this.#scopeOf[span] === scope; span = this.#next[span] as number) {
        content += (this.#end[span] as number) - (this.#start[span] as number);
      }
      length += 1 + varintSize(content) + content;
    }
    return length;
  }

  /** Writes the scope groups of a trace: `ScopeSpans` fields. */
  writeRun(trace: number, target: Buffer, position: number): number {
    const buffer = this.#buffer;
    let at = position;
    for (let span = this.#first[trace] as number; span !== NONE; ) {
      const scope = this.#scopeOf[span] as number;
      let content = this.#scopeLength(scope);
      let after = span;
      for (; after !== NONE && this.#scopeOf[after] === scope; after = this.#next[after] as number) {
        content += (this.#end[after] as number) - (this.#start[after] as number);
      }
      target[at++] = MEMBER;
      at = writeVarint(target, at, content);
      at = this.#writeScope(scope, target, at);
      while (span !== after) {
        // spans that follow one another are copied in one go
        const from = this.#start[span] as number;
        let to: number;
        do {
          to = this.#end[span] as number;
          span = this.#next[span] as number;
        } while (span !== after && this.#start[span] === to);
        at = copyBytes(buffer, from, to, target, at);
      }
    }
    return at;
  }

  /**
   * The size that the collector sees, without tag and length: it writes some fields also where they are empty. Exact
   * for requests that are encoded as usual, which leave such fields out or write them as it does. 0 where nobody wants
   * sizes.
   */
  collectorSize(trace: number, resourceLength: number): number {
    if (!this.#wantsSizes) return 0;
    let size = 1 + varintSize(resourceLength) + resourceLength;
    for (let span = this.#first[trace] as number; span !== NONE; ) {
      const scope = this.#scopeOf[span] as number;
      let content = this.#scopeEnd[scope] === NONE ? EMPTY_FIELD : this.#scopeLength(scope);
      for (; span !== NONE && this.#scopeOf[span] === scope; span = this.#next[span] as number) {
        const field = (this.#end[span] as number) - (this.#start[span] as number);
        const extra = this.#extra[span] as number;
        content += extra === 0 ? field : grownField(field, extra);
      }
      size += 1 + varintSize(content) + content;
    }
    return size;
  }

  #scopeLength(scope: number): number {
    const end = this.#scopeEnd[scope] as number;
    if (end === NONE) return 0;
    const length = end - (this.#scopeStart[scope] as number);
    return 1 + varintSize(length) + length;
  }

  #writeScope(scope: number, target: Buffer, position: number): number {
    const end = this.#scopeEnd[scope] as number;
    if (end === NONE) return position;
    const start = this.#scopeStart[scope] as number;
    target[position] = GROUP;
    const at = writeVarint(target, position + 1, end - start);
    return copyBytes(this.#buffer, start, end, target, at);
  }

  #add(scope: number, start: number, end: number): void {
    const span = this.#spans++;
    if (span === this.#start.length) this.#resize(span * 2, span);
    this.#start[span] = start;
    this.#end[span] = end;
    this.#scopeOf[span] = scope;
    this.#next[span] = NONE;
    this.#extra[span] = this.#head.missing * EMPTY_FIELD;
    const trace = this.#traceOf();
    if (this.#first[trace] === NONE) this.#first[trace] = span;
    else this.#next[this.#last[trace] as number] = span;
    this.#last[trace] = span;
    this.count[trace] = (this.count[trace] as number) + 1;
    if (this.#head.isRoot) this.root[trace] = 1;
  }

  /** The trace of the id that was read last. */
  #traceOf(): number {
    const { idAt: id } = this.#head;
    const buffer = id === NONE ? NO_ID : this.#buffer;
    const at = id === NONE ? 0 : id;
    const mask = this.#places.length - 1;
    let place = hashOfId(buffer, at, this.#seed) & mask;
    for (; ; place = (place + 1) & mask) {
      const known = (this.#places[place] as number) - 1;
      if (known < 0) break;
      if (sameId(buffer, at, this.idBuffer(known), this.idAt[known] as number)) return known;
    }
    const trace = this.traces++;
    this.#places[place] = trace + 1;
    if (id === NONE) this.#noId = trace;
    this.idAt[trace] = at;
    this.#first[trace] = NONE;
    this.count[trace] = this.root[trace] = 0;
    return trace;
  }

  /** Lets go of the buffer that was read. */
  close(): void {
    this.#clear();
    this.#buffer = NO_ID;
    if (this.#start.length > LARGEST_KEPT) this.#resize(INITIAL_SPANS, 0);
  }

  #clear(): void {
    if (this.traces > 0) this.#places.fill(0);
    this.traces = this.#spans = 0;
    this.#noId = NONE;
  }

  /** Traces are never more than spans, so their columns are as long. */
  #resize(size: number, keep: number): void {
    const resized = <T extends Int32Array | Uint8Array>(old: T): T => {
      const column = new (old.constructor as new (length: number) => T)(size);
      column.set(old.subarray(0, keep) as never);
      return column;
    };
    this.idAt = resized(this.idAt);
    this.root = resized(this.root);
    this.count = resized(this.count);
    this.#first = resized(this.#first);
    this.#last = resized(this.#last);
    this.#start = resized(this.#start);
    this.#end = resized(this.#end);
    this.#scopeOf = resized(this.#scopeOf);
    this.#next = resized(this.#next);
    this.#extra = resized(this.#extra);
    const traces = this.traces;
    this.#places = new Int32Array(size * 2);
    this.#rehash(traces);
  }

  #rehash(traces: number): void {
    const mask = this.#places.length - 1;
    for (let trace = 0; trace < traces; trace++) {
      let place = hashOfId(this.idBuffer(trace), this.idAt[trace] as number, this.#seed) & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = trace + 1;
    }
  }
}

/** A span field whose content is `extra` bytes longer. */
function grownField(field: number, extra: number): number {
  let content = field - 2;
  while (1 + varintSize(content) + content > field) content--;
  return 1 + varintSize(content + extra) + content + extra;
}
