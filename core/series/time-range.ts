/** From the earliest to the latest of times that are read as 64 bits, nanoseconds since the Unix epoch. */
export class TimeRange {
  isEmpty = true;
  // halves, because a bigint per item would be an object per item
  #startHigh = 0;
  #startLow = 0;
  #endHigh = 0;
  #endLow = 0;

  /** `at` is -1 for no time; 0 is none either. */
  add(buffer: Buffer, at: number): void {
    if (at < 0) return;
    const low = buffer.readUInt32LE(at);
    const high = buffer.readUInt32LE(at + 4);
    if (low === 0 && high === 0) return;
    if (this.isEmpty || high < this.#startHigh || (high === this.#startHigh && low < this.#startLow)) {
      this.#startHigh = high;
      this.#startLow = low;
    }
    if (this.isEmpty || high > this.#endHigh || (high === this.#endHigh && low > this.#endLow)) {
      this.#endHigh = high;
      this.#endLow = low;
    }
    this.isEmpty = false;
  }

  get start(): bigint {
    return (BigInt(this.#startHigh) << 32n) | BigInt(this.#startLow);
  }

  get end(): bigint {
    return (BigInt(this.#endHigh) << 32n) | BigInt(this.#endLow);
  }

  clear(): void {
    this.isEmpty = true;
  }
}
