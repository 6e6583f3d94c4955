import type { DiscoveryEnvironment } from '../target-group.ts';
import { ApiError, type KubernetesApi, type Query, statusError, type WatchEvent, WatchFailed } from './api.ts';
import { KINDS, type Kind, type Kinds, keyOf, pathOf } from './kinds.ts';
import { textAt } from './objects.ts';
import { MAX_OBJECTS, type Store } from './store.ts';

/** After a failure the server is left alone for this time, twice as long each time up to the maximum. */
const FIRST_PAUSE_MS = 800;
const MAX_PAUSE_MS = 30_000;
/** Servers end watches; each ends another time, between this and twice this, so that they do not come back at once. */
const WATCH_SECONDS = 300;
/** A watch that ends sooner without a word is a failure: there is no use in asking at once. */
const SHORT_WATCH_MS = 1000;

export interface InformerOptions<K extends Kind> {
  readonly kind: K;
  /** Empty for all. */
  readonly namespace: string;
  readonly query: Query;
  readonly store: Store<Kinds[K]>;
  readonly api: KubernetesApi;
  readonly environment: DiscoveryEnvironment;
  /** Called for each object that is new, changed or gone. */
  readonly onChange: (key: string) => void;
  /** Called once, when all objects were read for the first time. */
  readonly onSynced: () => void;
}

type Phase = 'list' | 'watch';

/** Keeps the objects of a kind in a store as they are in the cluster: reads all of them, then watches for changes. */
export class Informer<K extends Kind> {
  readonly #options: InformerOptions<K>;
  readonly #path: string;
  readonly #closed = new AbortController();
  /** The objects in the store that came from here; others may be from other namespaces. */
  #keys = new Set<string>();
  #failures = 0;
  #fault = '';
  #phase: Phase = 'list';
  /** What the fault is about: a list that works says nothing about watches. */
  #faultPhase: Phase = 'list';
  #overfull = false;
  #wake: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  synced = false;

  constructor(options: InformerOptions<K>) {
    this.#options = options;
    this.#path = pathOf(options.kind, options.namespace);
  }

  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    let version: string | undefined;
    while (!signal.aborted) {
      try {
        this.#phase = 'list';
        version ??= await this.#list();
        this.#phase = 'watch';
        version = await this.#watch(version);
      } catch (error) {
        if (signal.aborted) return;
        // a dropped watch goes on where it was; only an answer of the server can mean that all has to be read again
        const expired = error instanceof ApiError && error.expired;
        if (expired || error instanceof WatchFailed) version = undefined;
        else if (error instanceof Dropped) version = error.version;
        if (!expired || this.#failures > 0) await this.#pause(error as Error);
        else this.#expired();
      }
    }
  }

  /** Normal once in a while, so the first time is no fault; where it goes on, there are pauses. */
  #expired(): void {
    this.#faultPhase = this.#phase;
    this.#failures++;
  }

  async #list(): Promise<string> {
    const { kind, query, store, api } = this.#options;
    const { read } = KINDS[kind];
    const { signal } = this.#closed;
    const found = new Map<string, Kinds[K]>();
    const onItem = (item: unknown): void => {
      const object = read(item);
      if (found.size < MAX_OBJECTS) found.set(keyOf(object.meta), object);
    };
    const version = await api.list(this.#path, query, signal, onItem).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.expired)) throw error;
      found.clear();
      return api.listAtOnce(this.#path, query, signal, onItem);
    });
    const gone = [...this.#keys].filter((key) => !found.has(key));
    for (const key of gone) this.#remove(key);
    for (const object of found.values()) this.#put(object);
    this.#recovered();
    if (!this.synced) {
      this.synced = true;
      this.#options.onSynced();
    }
    this.#warnIfFull(store.size);
    return version;
  }

  /** Applies changes until the server ends the watch; resolves with the version it got to. */
  async #watch(start: string): Promise<string> {
    const { query, api, environment } = this.#options;
    const seconds = Math.floor(WATCH_SECONDS * (1 + environment.random()));
    const began = environment.clock.monotonic();
    let version = start;
    let events = 0;
    try {
      for await (const event of api.watch(this.#path, query, { version, seconds }, this.#closed.signal)) {
        version = this.#apply(event) || version;
        if (events++ === 0) this.#recovered();
      }
    } catch (error) {
      throw error instanceof ApiError ? error : new Dropped(error as Error, version);
    }
    const short = events === 0 && environment.clock.monotonic() - began < SHORT_WATCH_MS;
    if (short) throw new ShortWatch(new Error('the server ended the watch at once'), version);
    this.#recovered();
    return version;
  }

  /** Returns the version of the object. */
  #apply({ type, object }: WatchEvent): string {
    if (type === 'ERROR') {
      const error = statusError(object, 500);
      throw error.expired ? error : new WatchFailed(error.status, error.message, error.retryAfterMs);
    }
    if (type !== 'BOOKMARK') {
      const read = KINDS[this.#options.kind].read(object);
      if (type === 'DELETED') this.#remove(keyOf(read.meta));
      else if (type === 'ADDED' || type === 'MODIFIED') this.#put(read);
    }
    return textAt(object, 'metadata', 'resourceVersion');
  }

  #put(object: Kinds[K]): void {
    const key = keyOf(object.meta);
    const { store, onChange } = this.#options;
    if (!store.put(object)) return;
    this.#keys.add(key);
    onChange(key);
  }

  #remove(key: string): void {
    this.#keys.delete(key);
    if (this.#options.store.delete(key)) this.#options.onChange(key);
  }

  #warnIfFull(count: number): void {
    if (this.#overfull || count < MAX_OBJECTS) return;
    this.#overfull = true;
    this.#options.environment.logger.warn('There are more objects than are kept, some have no targets', {
      resource: this.#path,
      limit: MAX_OBJECTS,
    });
  }

  #recovered(): void {
    if (this.#phase === 'list' && this.#faultPhase === 'watch') return;
    if (this.#fault !== '') {
      this.#options.environment.logger.info('The Kubernetes API answers again', { resource: this.#path });
    }
    this.#fault = '';
    this.#failures = 0;
  }

  async #pause(error: Error): Promise<void> {
    const { environment } = this.#options;
    this.#faultPhase = this.#phase;
    if (error.message !== this.#fault && !(error instanceof ShortWatch)) {
      this.#fault = error.message;
      const message = 'Kubernetes objects cannot be read, what is known stays and it is tried again';
      environment.logger.error(message, { resource: this.#path, error });
    }
    const backoff = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    // at least what the server wants, and then not all at the same moment
    const asked = error instanceof ApiError ? error.retryAfterMs : 0;
    const ms = Math.max(backoff, asked) * (1 + environment.random());
    await new Promise<void>((resolve) => {
      const timer = environment.clock.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
      if (this.#closed.signal.aborted) this.#wake();
    });
  }
}

/** The connection of a watch broke. What came before is applied. */
class Dropped extends Error {
  readonly version: string;

  constructor(cause: Error, version: string) {
    super(cause.message, { cause });
    this.version = version;
  }
}

/** It ended without a word, as it may; only not again and again without a pause. */
class ShortWatch extends Dropped {}
