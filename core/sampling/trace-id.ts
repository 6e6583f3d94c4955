/** Bytes of a trace id. */
export const ID_LENGTH = 16;

/** True for no id (-1) and for one of zeros, which counts as none. */
export function isZeroId(buffer: Uint8Array, traceIdAt: number): boolean {
  if (traceIdAt < 0) return true;
  for (let i = traceIdAt; i < traceIdAt + ID_LENGTH; i++) if (buffer[i] !== 0) return false;
  return true;
}
