import type { Component } from '../component.ts';
import type { StorageClient, StorageExtension, StorageOperation, StorageOwner, StorageValue } from '../storage.ts';

/** A storage extension whose disk is in the hands of a test. What was set outlives the clients, as over a restart. */
export class MemoryStorage implements Component, StorageExtension {
  /** By owner (`exporter otlp traces`), what each key has. */
  readonly contents = new Map<string, Map<string, Buffer>>();
  /** Setting fails with this. */
  fail: Error | undefined;
  /** Reading fails with this. */
  unreadable: Error | undefined;
  open = 0;
  #gate: Promise<void> | undefined;

  start(): void {}
  shutdown(): void {}

  /** From now on nothing is written until the returned function is called. */
  hold(): () => void {
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      this.#gate = undefined;
      open();
    };
  }

  async client({ kind, id, name }: StorageOwner): Promise<StorageClient> {
    const owner = `${kind} ${id} ${name}`;
    const content = this.contents.get(owner) ?? new Map<string, Buffer>();
    this.contents.set(owner, content);
    this.open++;
    const batch = async (operations: readonly StorageOperation[]): Promise<void> => {
      await this.#gate;
      const sets = operations.some(([, value]) => value !== undefined);
      if (sets && this.fail !== undefined) throw this.fail;
      for (const [key, value] of operations) {
        if (value === undefined) content.delete(key);
        else content.set(key, joined(value));
      }
    };
    return {
      batch,
      keys: async () => [...content.keys()],
      get: async (key) => {
        if (this.unreadable !== undefined) throw this.unreadable;
        return content.get(key);
      },
      set: (key, value) => batch([[key, value]]),
      delete: (key) => batch([[key, undefined]]),
      close: async () => {
        this.open--;
      },
    };
  }
}

function joined(value: StorageValue): Buffer {
  return Buffer.isBuffer(value) ? Buffer.from(value) : Buffer.concat(value);
}
