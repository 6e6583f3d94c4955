import { totalmem } from 'node:os';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What the limiter sees of the process; a test puts its own in its place. */
export interface Memory {
  /** Bytes in use, see `processMemory`. */
  used(): number;
  /** A full garbage collection, finished when it returns. */
  collect(): void;
  /** Bytes that the process may have at most: the limit of its container, else the memory of the machine. */
  readonly total: number;
}

/**
 * The memory that the process cannot give back at once: the JavaScript heap with its reserve, all buffers outside it,
 * and what Node itself took before there was any data. Resident memory alone would not do: the allocator keeps freed
 * pages for reuse, so it would say "full" long after the data is gone. It is an upper bound all the same.
 */
export function processMemory(): Memory {
  const baseline = Math.max(0, process.memoryUsage.rss() - allocated());
  return {
    used: () => Math.min(process.memoryUsage.rss(), baseline + allocated()),
    collect: garbageCollector(),
    total: totalMemory(),
  };
}

/** `heapTotal + external` of `process.memoryUsage()`, for an eighth of its 20 µs. */
function allocated(): number {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

/**
 * V8 offers its collector to scripts only where `--expose-gc` was set when their context was made. It frees buffers in
 * the background after a collection; a second one waits for that, so that what is measured next is true.
 */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  return () => {
    collect();
    collect();
  };
}

function totalMemory(): number {
  const machine = totalmem();
  const container = process.constrainedMemory();
  return container > 0 && container < machine ? container : machine;
}
