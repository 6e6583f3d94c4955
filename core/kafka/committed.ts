import type { RecordsBatch } from '@platformatic/kafka';

/** Bits of a batch's attributes: part of a transaction; a mark that ends one, no records. */
const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;
/** The key of a mark is its version and its type, 16 bits each. Source: KIP-98, control messages. */
const TYPE_AT = 2;
const COMMIT = 1;
/** A transaction cannot be judged before its end is seen: one that is larger than this is refused. */
const MOST_WAITING_BYTES = 256 << 20;

interface Waiting {
  readonly batch: RecordsBatch;
  /** Undefined until the end of its transaction is seen. */
  committed: boolean | undefined;
}

/**
 * The batches of one partition whose transactions were committed, in their order: what comes after a transaction that
 * is still open waits. It goes by the marks in the log, because the client's own filter takes the mark of a
 * transaction without records for the end of an earlier one, and drops what lies between.
 */
export class Committed {
  readonly #waiting: Waiting[] = [];
  readonly #open = new Map<bigint, Waiting[]>();
  readonly #ordered: boolean;
  #bytes = 0;

  constructor(ordered = true) {
    this.#ordered = ordered;
  }

  /** Takes the next batch and gives those that can be judged by now. Throws where too much waits. */
  next(batch: RecordsBatch): readonly RecordsBatch[] {
    const decided = (batch.attributes & CONTROL) !== 0 ? this.#end(batch) : this.#add(batch);
    const judged = this.#ordered ? this.#inOrder() : decided;
    for (const one of judged) this.#bytes -= one.batch.length;
    return judged.filter(({ committed }) => committed).map((one) => one.batch);
  }

  #inOrder(): Waiting[] {
    const end = this.#waiting.findIndex(({ committed }) => committed === undefined);
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  /** What is decided by it, as below. */
  #add(batch: RecordsBatch): readonly Waiting[] {
    // compaction keeps a batch without its records, and not always the mark that it would wait for
    if (batch.records.length === 0) return [];
    const waiting: Waiting = { batch, committed: undefined };
    if (this.#ordered) this.#waiting.push(waiting);
    this.#bytes += batch.length;
    if (this.#bytes > MOST_WAITING_BYTES) {
      throw new Error(`records wait for the end of a transaction: more than ${MOST_WAITING_BYTES} bytes`);
    }
    if ((batch.attributes & TRANSACTIONAL) === 0) {
      waiting.committed = true;
      return [waiting];
    }
    const open = this.#open.get(batch.producerId);
    if (open === undefined) this.#open.set(batch.producerId, [waiting]);
    else open.push(waiting);
    return [];
  }

  #end({ producerId, records }: RecordsBatch): readonly Waiting[] {
    const committed = records[0]?.key?.readInt16BE(TYPE_AT) === COMMIT;
    const ended = this.#open.get(producerId) ?? [];
    for (const waiting of ended) waiting.committed = committed;
    this.#open.delete(producerId);
    return ended;
  }
}
