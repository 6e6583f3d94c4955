import type { Consumer } from '../consumer.ts';
import { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { StateReader, StateWriter } from './codec.ts';
import type { Result } from './outbox.ts';

/**
 * Batches for all pipelines of a stage that does not wait for any of them: each gets a batch once, whatever the others
 * say; who refuses it for now is asked again at the next call. Whoever uses it bounds what is here by handing on
 * nothing more while something is.
 */
export class Refused {
  /** By their ids, under which a snapshot names them. */
  readonly #pipelines: ReadonlyMap<string, Consumer>;
  #results: readonly Result[] = [];
  #stored: readonly Result[] = [];
  #underWay = false;
  #dropped = false;

  constructor(pipelines: ReadonlyMap<string, Consumer>) {
    this.#pipelines = pipelines;
  }

  get isEmpty(): boolean {
    return this.#results.length === 0;
  }

  /** Differs from what `encode` or `restore` saw last. */
  get isChanged(): boolean {
    return this.#results !== this.#stored && (this.#results.length > 0 || this.#stored.length > 0);
  }

  /**
   * Hands on what was refused before and the batch, whose reference it takes over. Returns what was refused; of that
   * stays here what may be accepted later, if it is to be kept.
   */
  async handOn(batch: Telemetry | undefined, keep: boolean): Promise<PipelineError | undefined> {
    const results = [...this.#pipelines.values()].flatMap((to) =>
      batch === undefined ? [] : [{ to, batch: batch.retain() }],
    );
    batch?.release();
    if (results.length > 0) this.#results = [...this.#results, ...results];
    const errors: PipelineError[] = [];
    const attempt = async (result: Result): Promise<Result[]> => {
      try {
        await result.to.consume(result.batch.retain());
      } catch (caught) {
        const error = PipelineError.from(caught);
        errors.push(error);
        if (keep && !error.permanent) return [result];
      }
      result.batch.release();
      return [];
    };
    this.#underWay = true;
    const left = await Promise.all(this.#results.map(attempt));
    this.#underWay = false;
    this.#results = left.flat();
    if (this.#dropped) this.drop();
    return errors.length === 0 ? undefined : PipelineError.join(errors);
  }

  /** Gives up what is here. */
  drop(): void {
    this.#dropped = true;
    if (this.#underWay) return;
    for (const { batch } of this.#results) batch.release();
    this.#results = [];
  }

  encode(to: StateWriter): void {
    to.uint32(this.#results.length);
    for (const { to: consumer, batch } of this.#results) {
      const id = [...this.#pipelines].find(([, one]) => one === consumer)?.[0] ?? '';
      to.text(id).uint32(batch.items).bytes(batch.bytes());
    }
    this.#stored = this.#results;
  }

  /** `make`: a batch of these bytes. Returns the ids of pipelines that are not there any more; theirs is lost. */
  restore(from: StateReader, make: (bytes: Buffer, items: number) => Telemetry): readonly string[] {
    const gone: string[] = [];
    const results: Result[] = [];
    for (let left = from.uint32(); left > 0; left--) {
      const id = from.text();
      const items = from.uint32();
      const batch = make(from.bytes(), items);
      const to = this.#pipelines.get(id);
      if (to === undefined) gone.push(id);
      else results.push({ to, batch });
    }
    this.#results = this.#stored = results;
    return gone;
  }
}
