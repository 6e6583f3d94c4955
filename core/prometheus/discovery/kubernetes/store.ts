import { isDeepStrictEqual } from 'node:util';
import { keyOf } from './kinds.ts';
import type { KubernetesObject } from './objects.ts';

/** More objects of one kind than the largest clusters have; the rest is left out. */
export const MAX_OBJECTS = 300_000;

/** The objects of one kind as they are known, found by key and by what they refer to. */
export class Store<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  readonly #referring = new Map<string, Set<string>>();
  readonly #refersTo: (object: T) => readonly string[];

  /** `refersTo` gives references (`node:worker-1`) to other objects that targets of this one show. */
  constructor(refersTo: (object: T) => readonly string[] = () => []) {
    this.#refersTo = refersTo;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** The keys of the objects that refer to another one. */
  referringTo(reference: string): Iterable<string> {
    return this.#referring.get(reference) ?? [];
  }

  /** True where that changed anything; false too where there are too many. */
  put(object: T): boolean {
    const key = keyOf(object.meta);
    const before = this.#objects.get(key);
    if (before === undefined ? this.#objects.size >= MAX_OBJECTS : isDeepStrictEqual(before, object)) return false;
    if (before !== undefined) this.#unlink(key, before);
    this.#objects.set(key, object);
    for (const name of this.#refersTo(object)) {
      const keys = this.#referring.get(name);
      if (keys === undefined) this.#referring.set(name, new Set([key]));
      else keys.add(key);
    }
    return true;
  }

  /** True where it was there. */
  delete(key: string): boolean {
    const before = this.#objects.get(key);
    if (before === undefined) return false;
    this.#unlink(key, before);
    return this.#objects.delete(key);
  }

  #unlink(key: string, object: T): void {
    for (const name of this.#refersTo(object)) {
      const keys = this.#referring.get(name);
      keys?.delete(key);
      if (keys?.size === 0) this.#referring.delete(name);
    }
  }
}
