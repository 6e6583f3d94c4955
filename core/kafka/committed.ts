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
 * is still open waits. It goes by the marks in the log, because the client's own filter takes a mark of a transaction
 * without records for the end of an earlier one, and drops what lies between.
 */
export class Committed {
  readonly #waiting: Waiting[] = [];
  readonly #open = new Map<bigint, Waiting[]>();
  #bytes = 0;

  /** Takes the next batch and gives those that can be judged by now. Throws where too much waits. */
  next(batch: RecordsBatch): readonly RecordsBatch[] {
    if ((batch.attributes & CONTROL) !== 0) this.#end(batch);
    else this.#add(batch);
    const judged: RecordsBatch[] = [];
    while (this.#waiting[0]?.committed !== undefined) {
      const { batch: first, committed } = this.#waiting.shift() as Waiting;
      this.#bytes -= first.length;
      if (committed) judged.push(first);
    }
    return judged;
  }

  #add(batch: RecordsBatch): void {
    const waiting: Waiting = { batch, committed: undefined };
    this.#waiting.push(waiting);
    this.#bytes += batch.length;
    if (this.#bytes > MOST_WAITING_BYTES) {
      throw new Error(`records wait for the end of a transaction: more than ${MOST_WAITING_BYTES} bytes`);
    }
    if ((batch.attributes & TRANSACTIONAL) === 0) {
      waiting.committed = true;
      return;
    }
    const open = this.#open.get(batch.producerId);
    if (open === undefined) this.#open.set(batch.producerId, [waiting]);
    else open.push(waiting);
  }

  #end({ producerId, records }: RecordsBatch): void {
    const committed = records[0]?.key?.readInt16BE(TYPE_AT) === COMMIT;
    for (const waiting of this.#open.get(producerId) ?? []) waiting.committed = committed;
    this.#open.delete(producerId);
  }
}
