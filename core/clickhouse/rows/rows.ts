import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { NativeBlock } from '../native/block.ts';

/** What makes rows of the batches of a signal. */
export interface Rows {
  /** Appends the rows of a batch to the blocks. */
  append(batch: Telemetry): void;
  /** By what the table is for, as `gauge`; its name is the caller's to know. */
  readonly blocks: readonly { readonly table: string; readonly block: NativeBlock }[];
}
