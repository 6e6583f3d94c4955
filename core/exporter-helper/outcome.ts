import { PipelineError } from '../error.ts';

/** Told the final outcome of a batch, once. */
export interface Done {
  /** `failedItems`, where it is known, is how much of the batch was not delivered. */
  done(error: PipelineError | undefined, failedItems?: number): void;
}

/** A batch that is sent in pieces: done when all of them are, with the errors of all. */
export class Pieces implements Done {
  readonly #whole: Done;
  readonly #errors: PipelineError[] = [];
  #failedItems = 0;
  #left: number;

  constructor(whole: Done, pieces: number) {
    this.#whole = whole;
    this.#left = pieces;
  }

  done(error: PipelineError | undefined, failedItems = 0): void {
    if (error !== undefined) {
      this.#errors.push(error);
      this.#failedItems += failedItems;
    }
    this.#left--;
    if (this.#left > 0) return;
    if (this.#errors.length === 0) this.#whole.done(undefined);
    else this.#whole.done(PipelineError.join(this.#errors), this.#failedItems);
  }
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
