/** Any column of numbers. */
type Column = Float64Array | Int32Array | Uint32Array | Uint8Array;

/** From here on columns grow by a half: what is left unused of large ones would be resident all the same. */
const LARGE = 1 << 14;

/**
 * The same numbers with room for `size` of them, and for more to come. The memory of the old column is given back at
 * once, not left to the garbage collector: nobody may hold on to it.
 */
export function grown<A extends Column>(column: A, size: number): A {
  if (size <= column.length) return column;
  const more = Math.ceil(column.length * (column.length < LARGE ? 2 : 1.5));
  const larger = new (column.constructor as new (length: number) => A)(Math.max(size, more));
  larger.set(column);
  if (column.buffer instanceof ArrayBuffer) column.buffer.transfer(0);
  return larger;
}
