import type { Component, ComponentStatus, Host, ServiceOverview, StatusEvent } from '../component.ts';
import { TEST_BUILD } from './settings.ts';

/** A host without a service behind it; extensions are what the test puts in. */
export class NopHost implements Host {
  readonly extensions = new Map<string, Component>();
  /** What the component reported, in order. */
  readonly reported: {
    readonly status: ComponentStatus;
    readonly error?: Error;
  }[] = [];
  readonly overview: ServiceOverview = {
    build: TEST_BUILD,
    startedAt: 0,
    pipelines: [],
    extensions: [],
    featureGates: [],
  };
  readonly #readyListeners = new Set<(ready: boolean) => void>();
  readonly #statusListeners = new Set<(event: StatusEvent) => void>();

  extension(id: string): Component | undefined {
    return this.extensions.get(id);
  }

  reportStatus(status: ComponentStatus, error?: Error): void {
    this.reported.push(error === undefined ? { status } : { status, error });
  }

  onStatus(listener: (event: StatusEvent) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  onReady(listener: (ready: boolean) => void): () => void {
    this.#readyListeners.add(listener);
    return () => this.#readyListeners.delete(listener);
  }

  /** Says to the listeners that the pipelines are up or going down. */
  ready(ready: boolean): void {
    for (const listener of this.#readyListeners) listener(ready);
  }

  /** Says to the listeners that some component changed its status. */
  status(event: StatusEvent): void {
    for (const listener of this.#statusListeners) listener(event);
  }
}
