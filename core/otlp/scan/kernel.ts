import { kernels, kernelMemory as memory } from '../kernels.ts';
import { KEY_VALUE_KIND, KINDS, LEGACY_SCOPES_ACTION, TABLE, UNKNOWN_ACTIONS } from './table.ts';

/** The kernel clears some bytes behind the request, so that a number at its end is not read on. */
const MARGIN = 16;

const input = kernels.input();

if (KINDS.length > kernels.kinds()) throw new Error('the scan kernel has no room for so many kinds of messages');
memory.set(TABLE, kernels.table());
memory.set(LEGACY_SCOPES_ACTION, kernels.legacyScopesActions());
memory.set(UNKNOWN_ACTIONS, kernels.unknownActions());
kernels.setKeyValueKind(KEY_VALUE_KIND);

/** Larger requests do not fit into the memory of the kernel. */
export const LARGEST_REQUEST = memory.length - input - MARGIN;

/**
 * The number of items in `buffer[start, end)`; negative where the walk in TypeScript has to look at it: because it is
 * malformed, or has scope groups of old versions.
 */
export function scanInKernel(buffer: Buffer, start: number, end: number, kind: number): number {
  buffer.copy(memory, input, start, end);
  return kernels.scan(end - start, kind);
}
