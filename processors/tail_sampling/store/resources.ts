const NOTHING = Buffer.alloc(0);

/** The resources of chunks, each once however many chunks have it, for as long as any does. */
export class Resources {
  /** Bytes of all of them. */
  bytes = 0;
  readonly #values: Buffer[] = [];
  readonly #hashes: number[] = [];
  readonly #users: number[] = [];
  readonly #free: number[] = [];
  readonly #byHash = new Map<number, number[]>();

  /** The number of the resource `buffer[start, end)`, which gets one user more. */
  add(buffer: Buffer, start: number, end: number): number {
    const hash = hashOf(buffer, start, end);
    const alike = this.#byHash.get(hash);
    for (const index of alike ?? []) {
      if ((this.#values[index] as Buffer).compare(buffer, start, end) !== 0) continue;
      this.#users[index] = (this.#users[index] as number) + 1;
      return index;
    }
    const index = this.#free.pop() ?? this.#values.length;
    this.#values[index] = copyOf(buffer, start, end);
    this.#hashes[index] = hash;
    this.#users[index] = 1;
    this.bytes += end - start;
    if (alike === undefined) this.#byHash.set(hash, [index]);
    else alike.push(index);
    return index;
  }

  retain(index: number): void {
    this.#users[index] = (this.#users[index] as number) + 1;
  }

  get(index: number): Buffer {
    return this.#values[index] as Buffer;
  }

  release(index: number): void {
    const users = (this.#users[index] as number) - 1;
    this.#users[index] = users;
    if (users > 0) return;
    const hash = this.#hashes[index] as number;
    const alike = (this.#byHash.get(hash) as number[]).filter((other) => other !== index);
    if (alike.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, alike);
    this.bytes -= this.get(index).length;
    this.#values[index] = NOTHING;
    this.#free.push(index);
  }
}

/** In memory of its own: a slice of Node's shared pool would hold on to its neighbours. */
function copyOf(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  buffer.copy(copy, 0, start, end);
  return copy;
}

/** FNV-1a. */
function hashOf(buffer: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (buffer[i] as number), 0x01000193);
  return hash;
}
