import { kernels, kernelMemory as memory } from '../otlp/kernels.ts';
import { slabs } from '../telemetry/slab.ts';
import type { ByteRange, Telemetry } from '../telemetry/telemetry.ts';
import type { ActionConfig } from './config.ts';
import { type Program, programOf } from './program.ts';

const INPUT = kernels.input();
const PROGRAM = kernels.program();
const PROGRAM_SIZE = kernels.programSize();
/** Room for what comes in; what comes out lies behind it, and the kernel sees where that ends. */
const LARGEST_RANGE = (memory.length - INPUT) / 2;
/** What the kernel returns in place of a length. */
const UNCHANGED = -2;

/** In place of the tag of the attributes of items: those of resources are edited. */
export const OF_RESOURCES = 0;
/** The tag of the attributes of a resource. */
const RESOURCE_ATTRIBUTES = 0x0a;

/**
 * The common actions (insert, update and upsert of values and of other attributes, delete and hash by key) on all
 * resources, spans or log records of a batch, in WebAssembly: a third of the time that the steps in TypeScript take,
 * which do the rest and decide what is right.
 */
export class KernelActions {
  readonly #program: Program;
  readonly #itemTag: number;

  private constructor(program: Program, itemTag: number) {
    this.#program = program;
    this.#itemTag = itemTag;
  }

  /** Undefined where the kernel does not have one of the actions. `itemTag` as above or that of the items. */
  static of(actions: readonly ActionConfig[], itemTag: number): KernelActions | undefined {
    const program = programOf(actions, itemTag === OF_RESOURCES ? RESOURCE_ATTRIBUTES : itemTag);
    if (program === undefined || program.bytes.length > PROGRAM_SIZE) return undefined;
    return new KernelActions(program, itemTag);
  }

  /**
   * The batch as the actions leave it; takes over the caller's reference then, and gives one to what it returns.
   * Undefined, and nothing taken over, where the batch has something odd in it or is too large for the kernel.
   */
  edit(batch: Telemetry): Telemetry | undefined {
    memory.set(this.#program.bytes, PROGRAM);
    const edited: ByteRange[] = [];
    let ranges: ByteRange[] | undefined = [];
    for (const range of batch.ranges) {
      const result = this.#editRange(range);
      if (result === undefined) {
        ranges = undefined;
        break;
      }
      if (result !== range) edited.push(result);
      ranges.push(result);
    }
    if (ranges !== undefined && edited.length === 0) return batch;
    const derived = ranges && batch.derive(ranges, batch.items);
    for (const { slab } of edited) slab?.release();
    if (derived !== undefined) batch.release();
    return derived;
  }

  /** The range itself where nothing changed. */
  #editRange(range: ByteRange): ByteRange | undefined {
    const { buffer, start, end } = range;
    const length = end - start;
    if (length > LARGEST_RANGE) return undefined;
    buffer.copy(memory, INPUT, start, end);
    const output = INPUT + length;
    const written = kernels.edit(INPUT, output, this.#program.operations, this.#itemTag);
    if (written === UNCHANGED) return range;
    if (written < 0) return undefined;
    const { slab, start: to } = slabs.allocate(written);
    memory.copy(slab.buffer, to, output, output + written);
    return { buffer: slab.buffer, start: to, end: to + written, slab };
  }
}
