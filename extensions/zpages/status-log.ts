import type { Clock } from '../../core/clock.ts';
import type { Host, StatusEvent } from '../../core/component.ts';

/** Enough to see what happened last; older ones are in the log. */
const MAX_ERRORS = 100;

/** The present state of every component, and the last errors. */
export class StatusLog {
  readonly #current = new Map<string, StatusEvent>();
  readonly #errors: { readonly at: number; readonly event: StatusEvent }[] = [];
  readonly #end: () => void;

  constructor(host: Host, clock: Clock) {
    this.#end = host.onStatus((event) => {
      this.#current.set(`${event.kind} ${event.id}`, event);
      if (event.error === undefined) return;
      this.#errors.push({ at: clock.now(), event });
      if (this.#errors.length > MAX_ERRORS) this.#errors.shift();
    });
  }

  of(kind: StatusEvent['kind'], id: string): StatusEvent | undefined {
    return this.#current.get(`${kind} ${id}`);
  }

  /** Oldest first. */
  get errors(): readonly { readonly at: number; readonly event: StatusEvent }[] {
    return this.#errors;
  }

  close(): void {
    this.#end();
  }
}
