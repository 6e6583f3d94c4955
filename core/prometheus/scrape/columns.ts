/** From here on columns grow fourfold: what is not written to is not resident, and less is left behind. */
const LARGE = 1 << 14;

/** The same numbers with room for `size`, at least twice as many as before. */
export function grown<A extends Float64Array | Int32Array | Uint32Array | Uint8Array>(column: A, size: number): A {
  if (size <= column.length) return column;
  const factor = column.length < LARGE ? 2 : 4;
  const larger = new (column.constructor as new (length: number) => A)(Math.max(size, column.length * factor));
  larger.set(column);
  return larger;
}
