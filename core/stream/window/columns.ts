const LEAST = 16;

/** A column of numbers, longer: for at least `length` rows, and not so soon again. What is new is 0. */
export function grown<T extends Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(column: T, length: number): T;
export function grown(column: Float64Array | Int32Array, length: number): Float64Array | Int32Array {
  const size = Math.max(LEAST, 2 * column.length, length);
  const larger = column instanceof Float64Array ? new Float64Array(size) : new Int32Array(size);
  larger.set(column);
  return larger;
}
