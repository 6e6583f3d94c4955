import type { OutgoingRecord } from '../kafka/client.ts';
import type { StreamDelivery } from '../telemetry/context.ts';

/**
 * The records that came of the piece of a partition that is being handed on. Where a component refuses the piece it
 * comes again to all, so the others give the same records again.
 */
export class Repetitions {
  #position: bigint | undefined;
  #attempt = 0;
  readonly #known: OutgoingRecord[] = [];
  /** Those of earlier attempts that did not come in this one yet. */
  #expected: OutgoingRecord[] = [];

  /** Those that no earlier attempt brought. */
  without(records: readonly OutgoingRecord[], { position, attempt }: StreamDelivery): readonly OutgoingRecord[] {
    if (position !== this.#position) {
      this.#known.length = 0;
      this.#expected = [];
    } else if (attempt !== this.#attempt) this.#expected = [...this.#known];
    this.#position = position;
    this.#attempt = attempt;
    const fresh = this.#expected.length === 0 ? records : records.filter((record) => !this.#isRepeated(record));
    for (const record of fresh) this.#known.push(record);
    return fresh;
  }

  #isRepeated(record: OutgoingRecord): boolean {
    const at = this.#expected.findIndex((one) => isSame(one, record));
    if (at < 0) return false;
    this.#expected.splice(at, 1);
    return true;
  }
}

function isSame(a: OutgoingRecord, b: OutgoingRecord): boolean {
  const isSameKey = a.key === undefined || b.key === undefined ? a.key === b.key : a.key.equals(b.key);
  return a.topic === b.topic && isSameKey && a.value.equals(b.value);
}
