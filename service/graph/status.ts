import type { ComponentStatus, StatusEvent } from '../../core/component.ts';
import type { ComponentKind } from '../../core/component-id.ts';

/** The current status of every component, and whoever wants to hear of changes. */
export class StatusBoard {
  readonly #current = new Map<string, StatusEvent>();
  readonly #listeners = new Set<(event: StatusEvent) => void>();
  readonly #readyListeners = new Set<(ready: boolean) => void>();

  report(kind: ComponentKind, id: string, status: ComponentStatus, error?: Error): void {
    const key = `${kind} ${id}`;
    const before = this.#current.get(key);
    // a component that stopped does not come back, and saying the same twice is no change
    if (before?.status === 'StatusStopped' || (before?.status === status && before.error === error)) return;
    const event: StatusEvent = { kind, id, status, ...(error === undefined ? {} : { error }) };
    this.#current.set(key, event);
    for (const listener of this.#listeners) listener(event);
  }

  /** A component has started; one that says of itself that something is wrong keeps that. */
  started(kind: ComponentKind, id: string): void {
    if (this.#current.get(`${kind} ${id}`)?.status === 'StatusStarting') this.report(kind, id, 'StatusOK');
  }

  onStatus(listener: (event: StatusEvent) => void): () => void {
    for (const event of this.#current.values()) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onReady(listener: (ready: boolean) => void): () => void {
    this.#readyListeners.add(listener);
    return () => this.#readyListeners.delete(listener);
  }

  setReady(ready: boolean): void {
    for (const listener of this.#readyListeners) listener(ready);
  }
}
