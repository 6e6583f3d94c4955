import type { Component, Host } from './component.ts';
import type { ComponentKind } from './component-id.ts';

/** Bytes, or pieces of them that are kept as one value. */
export type StorageValue = Buffer | readonly Buffer[];

/** One step of a `batch`: a value sets the key, undefined deletes it. */
export type StorageOperation = readonly [key: string, value: StorageValue | undefined];

/** The keys and values of one owner. Calls take effect in the order in which they are made. */
export interface StorageClient {
  /** All keys that are there, in no order. */
  keys(): Promise<readonly string[]>;
  /** Undefined where the key is not there, or what it held was damaged. The caller may keep the buffer. */
  get(key: string): Promise<Buffer | undefined>;
  /** Resolves when the value would survive the end of the process. The buffer is not changed before that. */
  set(key: string, value: StorageValue): Promise<void>;
  /** A key that is not there is no error. */
  delete(key: string): Promise<void>;
  /** All operations, in their order, or none. */
  batch(operations: readonly StorageOperation[]): Promise<void>;
  /** Waits for what is under way. Nothing is called after it. */
  close(): Promise<void>;
}

/** Whose data it is: a component, and the name it gives to one of its stores. */
export interface StorageOwner {
  readonly kind: ComponentKind;
  /** As in the configuration: `tail_sampling/a`. */
  readonly id: string;
  /** Empty where the owner has one store. */
  readonly name: string;
}

/** What an extension that keeps data for other components has beside `Component`. */
export interface StorageExtension {
  /** The same owner gets the same data, also after a restart; one client per owner at a time. */
  client(owner: StorageOwner): Promise<StorageClient>;
}

/** The store of `owner` in the extension `id`. Rejects with the collector's words where there is none. */
export async function openStorage(host: Host, id: string, owner: StorageOwner): Promise<StorageClient> {
  const extension: (Component & Partial<StorageExtension>) | undefined = host.extension(id);
  if (extension === undefined) throw new Error('no storage client extension found');
  if (typeof extension.client !== 'function') throw new Error('requested extension is not a storage extension');
  return (extension as Component & StorageExtension).client(owner);
}
