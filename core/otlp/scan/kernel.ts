import { KERNELS } from '../kernels.gen.ts';
import { KEY_VALUE_KIND, KINDS, LEGACY_SCOPES_ACTION, TABLE, UNKNOWN_ACTIONS } from './table.ts';

/** The part of the WebAssembly API that is used here; Node's type libraries have it only with those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What kernels/index.ts exports. */
interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer };
  table(): number;
  kinds(): number;
  setKeyValueKind(kind: number): void;
  legacyScopesActions(): number;
  unknownActions(): number;
  input(): number;
  scan(length: number, kind: number): number;
}

/** The kernel clears some bytes behind the request, so that a number at its end is not read on. */
const MARGIN = 16;

const kernels = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(KERNELS, 'base64')))
  .exports as unknown as Kernels;
const memory = Buffer.from(kernels.memory.buffer);
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
