import { Rewriter } from '../otlp/edit/rewriter.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** Why an item did not count. */
export type Reason = 'late' | 'future' | 'no time' | 'too many keys' | 'too much state' | 'no value';

/** Remembers which items of a batch did not count, and makes a batch of them: spans, points or log records. */
export class Strays {
  readonly #items = new Set<number>();
  readonly #rewriter: Rewriter;
  #item = -1;
  #visited = -1;

  constructor() {
    const isStray = () => this.#items.has(++this.#visited);
    this.#rewriter = new Rewriter({ dropsEmpty: true, span: isStray, log: isStray, point: isStray });
  }

  get count(): number {
    return this.#items.size;
  }

  begin(): void {
    this.#items.clear();
    this.#item = -1;
  }

  /** To be called for every item, in the order of the batch. */
  next(): void {
    this.#item++;
  }

  /** The current item does not count. */
  mark(): void {
    this.#items.add(this.#item);
  }

  /** The items that did not count, with their scopes and resources. Takes over the reference to the batch. */
  take(batch: Telemetry): Telemetry {
    this.#visited = -1;
    return this.#rewriter.rewrite(batch);
  }
}
