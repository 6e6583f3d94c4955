import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../../core/clock.ts';
import type { Meter, MetricDefinition } from '../../core/meter.ts';

/** CPU, memory and age of the process, under the collector's names. Read when somebody asks. */
export function observeProcess(meter: Meter, clock: Clock): void {
  const started = clock.monotonic();
  const heap = new HeapGrowth();
  const observe = (definition: MetricDefinition, type: 'counter' | 'gauge', read: () => number): void => {
    meter.observe(definition, {}, type, read);
  };
  observe(UPTIME, 'counter', () => (clock.monotonic() - started) / 1000);
  observe(CPU_SECONDS, 'counter', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  observe(MEMORY_RSS, 'gauge', () => process.memoryUsage.rss());
  observe(HEAP_ALLOC, 'gauge', () => heap.used());
  observe(TOTAL_ALLOC, 'counter', () => heap.total());
  observe(SYS_MEMORY, 'gauge', () => {
    const { total_physical_size, malloced_memory, external_memory } = getHeapStatistics();
    return total_physical_size + malloced_memory + external_memory;
  });
}

/** V8 keeps no count of all it ever allocated; what the heap grew by between two readings was surely allocated. */
class HeapGrowth {
  #last = 0;
  #total = 0;

  used(): number {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  }

  total(): number {
    const used = this.used();
    this.#total += Math.max(0, used - this.#last);
    this.#last = used;
    return this.#total;
  }
}

const UPTIME: MetricDefinition = {
  name: 'otelcol_process_uptime',
  description: 'Uptime of the process [Alpha]',
  unit: 's',
};
const CPU_SECONDS: MetricDefinition = {
  name: 'otelcol_process_cpu_seconds',
  description: 'Total CPU user and system time in seconds [Alpha]',
  unit: 's',
};
const MEMORY_RSS: MetricDefinition = {
  name: 'otelcol_process_memory_rss',
  description: 'Total physical memory (resident set size) [Alpha]',
  unit: 'By',
};
const HEAP_ALLOC: MetricDefinition = {
  name: 'otelcol_process_runtime_heap_alloc_bytes',
  description: 'Bytes of allocated heap objects and of the buffers they hold [Alpha]',
  unit: 'By',
};
const TOTAL_ALLOC: MetricDefinition = {
  name: 'otelcol_process_runtime_total_alloc_bytes',
  description: 'Cumulative bytes allocated for heap objects and buffers: at least so many [Alpha]',
  unit: 'By',
};
const SYS_MEMORY: MetricDefinition = {
  name: 'otelcol_process_runtime_total_sys_memory_bytes',
  description: 'Total bytes of memory the runtime obtained from the OS for heap and buffers [Alpha]',
  unit: 'By',
};
