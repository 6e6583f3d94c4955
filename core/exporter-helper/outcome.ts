import type { PipelineError } from '../error.ts';

/** Told the final outcome of a batch, once. */
export interface Done {
  done(error: PipelineError | undefined): void;
}

/** An outcome for a caller of consume: given at once where it is known by then, else as a promise. */
export class Outcome implements Done {
  #known = false;
  #error: PipelineError | undefined;
  #settle: ((error: PipelineError | undefined) => void) | undefined;

  done(error: PipelineError | undefined): void {
    this.#known = true;
    this.#error = error;
    this.#settle?.(error);
  }

  /** @throws PipelineError, or rejects with it. */
  result(): void | Promise<void> {
    if (!this.#known) {
      return new Promise((resolve, reject) => {
        this.#settle = (error) => (error === undefined ? resolve() : reject(error));
      });
    }
    if (this.#error !== undefined) throw this.#error;
  }
}
