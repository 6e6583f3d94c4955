import type { StreamDelivery } from '../telemetry/context.ts';

/**
 * What a stage has taken of the piece of its partition that is being handed on. If another stage refuses the piece, it
 * comes again to all of them, in the same parts.
 */
export class Taken {
  #position: bigint | undefined;
  #attempt = 0;
  /** Parts that came in this attempt, and parts that were taken in any. */
  #come = 0;
  #taken = 0;

  /** To be asked for each part, in order: true where an earlier attempt was successful with it. */
  has({ position, attempt }: StreamDelivery): boolean {
    if (position !== this.#position) {
      this.#position = position;
      this.#taken = 0;
      this.#come = 0;
    } else if (attempt !== this.#attempt) this.#come = 0;
    this.#attempt = attempt;
    return this.#come++ < this.#taken;
  }

  /** The part that was asked for last is in the state now. */
  add(): void {
    this.#taken = this.#come;
  }
}
