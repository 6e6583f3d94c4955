/** The same numbers with room for `size`, at least twice as many as before. */
export function grown<A extends Float64Array | Int32Array | Uint32Array | Uint8Array>(column: A, size: number): A {
  if (size <= column.length) return column;
  const larger = new (column.constructor as new (length: number) => A)(Math.max(size, column.length * 2));
  larger.set(column);
  return larger;
}
