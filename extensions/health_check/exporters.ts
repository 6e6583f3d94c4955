import type { Clock } from '../../core/clock.ts';
import type { Host } from '../../core/component.ts';
import { formatDuration } from '../../core/config/duration.ts';
import { ExporterTrouble } from '../../core/exporter-helper/health.ts';

/** Milliseconds; 0 for never. */
export interface Patience {
  readonly failing_for: number;
  readonly queue_full_for: number;
}

/** Since when, on the monotonic clock. */
interface Trouble {
  readonly failing: number | undefined;
  readonly full: number | undefined;
}

/** Exporters in trouble, and since when; a trouble that changes its reason goes on. */
export class ExporterWatch {
  readonly #patience: Patience;
  readonly #clock: Clock;
  readonly #troubled = new Map<string, Trouble>();
  readonly #end: () => void;

  constructor(host: Host, clock: Clock, patience: Patience) {
    this.#patience = patience;
    this.#clock = clock;
    this.#end = host.onStatus(({ kind, id, error }) => {
      if (kind === 'exporter') this.#changed(id, error instanceof ExporterTrouble ? error : undefined);
    });
  }

  close(): void {
    this.#end();
  }

  /** What has lasted for too long, one sentence each. It names no peer and no reason: whoever asks may be anybody. */
  complaints(): string[] {
    const { failing_for, queue_full_for } = this.#patience;
    return [...this.#troubled].flatMap(([id, { failing, full }]) => [
      ...this.#tooLong(failing, failing_for, `exporter ${id} has failed for`),
      ...this.#tooLong(full, queue_full_for, `the sending queue of exporter ${id} has been full for`),
    ]);
  }

  #tooLong(since: number | undefined, limit: number, what: string): string[] {
    if (since === undefined || limit === 0) return [];
    const lasted = this.#clock.monotonic() - since;
    return lasted < limit ? [] : [`${what} ${formatDuration(Math.floor(lasted / 1000) * 1000)}`];
  }

  #changed(id: string, trouble: ExporterTrouble | undefined): void {
    const before = this.#troubled.get(id);
    if (trouble === undefined) this.#troubled.delete(id);
    else {
      const now = this.#clock.monotonic();
      this.#troubled.set(id, {
        failing: trouble.failure === undefined ? undefined : (before?.failing ?? now),
        full: trouble.queueIsFull ? (before?.full ?? now) : undefined,
      });
    }
  }
}
