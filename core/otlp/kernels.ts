import { KERNELS } from './kernels.gen.ts';

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
  program(): number;
  programSize(): number;
  edit(start: number, end: number, operations: number, attributesTag: number): number;
}

/** One instance serves all: a call leaves nothing in its memory that a later one reads, but for the tables of scan. */
export const kernels = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(KERNELS, 'base64')))
  .exports as unknown as Kernels;

export const kernelMemory: Buffer = Buffer.from(kernels.memory.buffer);
