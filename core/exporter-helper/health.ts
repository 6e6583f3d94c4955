import type { Host } from '../component.ts';
import type { PipelineError } from '../error.ts';

/** What is wrong with an exporter, as the error of its status. */
export class ExporterTrouble extends Error {
  override readonly name = 'ExporterTrouble';
  /** No export went well since this one failed. */
  readonly failure: PipelineError | undefined;
  /** A sending queue refuses data, or has done so and is not yet half empty. */
  readonly queueIsFull: boolean;

  constructor(failure: PipelineError | undefined, queueIsFull: boolean) {
    const failing = failure === undefined ? [] : [`exports fail: ${failure.text}`];
    super([...failing, ...(queueIsFull ? ['the sending queue is full'] : [])].join('; '));
    this.failure = failure;
    this.queueIsFull = queueIsFull;
  }
}

/** One signal of an exporter. */
export class LaneHealth {
  readonly #changed: () => void;
  failure: PipelineError | undefined;
  #queueIsFull = false;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get queueIsFull(): boolean {
    return this.#queueIsFull;
  }

  set queueIsFull(full: boolean) {
    if (this.#queueIsFull === full) return;
    this.#queueIsFull = full;
    this.#changed();
  }

  failed(error: PipelineError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.#changed();
  }

  succeeded(): void {
    if (this.failure === undefined) return;
    this.failure = undefined;
    this.#changed();
  }
}

/** The status of an exporter: told to the host when it changes, not with every export. */
export class ExporterHealth {
  readonly #lanes: LaneHealth[] = [];
  #host: Host | undefined;
  #bad = false;

  lane(): LaneHealth {
    const lane = new LaneHealth(() => this.#report());
    this.#lanes.push(lane);
    return lane;
  }

  start(host: Host): void {
    this.#host = host;
  }

  /** From now on the service alone says what the status is. */
  stop(): void {
    this.#host = undefined;
  }

  #report(): void {
    const failure = this.#lanes.find((lane) => lane.failure !== undefined)?.failure;
    const full = this.#lanes.some((lane) => lane.queueIsFull);
    const bad = failure !== undefined || full;
    if (bad) this.#host?.reportStatus('StatusRecoverableError', new ExporterTrouble(failure, full));
    else if (this.#bad) this.#host?.reportStatus('StatusOK');
    this.#bad = bad;
  }
}
