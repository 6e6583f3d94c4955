/**
 * What tail_sampling needs for 50,000 open traces of 8 spans, which come in requests of 100 spans with parts of many
 * traces, and how long deciding about all of them at once keeps others waiting (processor time). Run:
 * `node test/bench/tail-sampling-memory.bench.ts`. Fails where it takes more than 350 MiB.
 */
import { memoryUsage } from 'node:process';
import { systemClock } from '../../core/clock.ts';
import { readYaml } from '../../core/config/read.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { slabs } from '../../core/telemetry/slab.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from '../../processors/tail_sampling/config.ts';
import { TailSamplingProcessor } from '../../processors/tail_sampling/processor.ts';
import { SPANS, sampleRequest } from './sample-request.ts';

const TRACES = 50_000;
const SPANS_A_TRACE = 8;
const LIMIT_MIB = 350;
const MIB = 2 ** 20;

const request = sampleRequest();
const idPlaces = placesOfIds(request);
let sampled = 0;
let longest = 0;

const yaml = `
decision_wait: 10m
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: slow, type: latency, latency: {threshold_ms: 1000}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 10}}
`;
const processor = new TailSamplingProcessor({ ...testSettings(), clock: systemClock }, readYaml(config, yaml), {
  consume(batch) {
    sampled += batch.items;
    batch.release();
  },
});
await processor.start(new NopHost());
const before = memoryUsage.rss();
const begun = cpuMillis();
const requests = (TRACES * SPANS_A_TRACE) / SPANS;
for (let i = 0; i < requests; i++) {
  await processor.consume(received(i));
  // requests come from sockets, between turns of the event loop
  if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
const taken = cpuMillis() - begun;
const rss = memoryUsage.rss() / MIB;
const spanBytes = (requests * request.length) / MIB;
const watch = setInterval(watchTurn(), 1);
const decided = cpuMillis();
await processor.shutdown();
clearInterval(watch);
const deciding = cpuMillis() - decided;

const line = (name: string, value: number, unit: string) =>
  console.log(`${name.padEnd(34)}${value.toFixed(1)} ${unit}`);
line('spans as requests', spanBytes, 'MiB');
line('resident, before', before / MIB, 'MiB');
line('resident, all traces open', rss, 'MiB');
line('taking in, per million spans', (taken / 1000 / (TRACES * SPANS_A_TRACE)) * 1e6, 's');
line('deciding, per million spans', (deciding / 1000 / (TRACES * SPANS_A_TRACE)) * 1e6, 's');
line('longest turn while deciding', longest, 'ms');
line('sampled', sampled, 'spans');
if (rss > LIMIT_MIB) {
  console.error(`more than ${LIMIT_MIB} MiB`);
  process.exitCode = 1;
}

/** A request as a receiver hands it on; span j of request i belongs to a trace that also others have spans of. */
function received(i: number): Telemetry {
  const { slab, start } = slabs.allocate(request.length);
  request.copy(slab.buffer, start);
  for (const [j, place] of idPlaces.entries()) {
    const trace = ((i >> 3) * SPANS + j) % TRACES;
    slab.buffer.writeUInt32BE(trace, start + place);
    slab.buffer.writeUInt32BE(trace ^ 0x5a5a5a5a, start + place + 12);
  }
  return new Telemetry('traces', [{ buffer: slab.buffer, start, end: start + request.length, slab }], SPANS);
}

function placesOfIds(bytes: Buffer): number[] {
  const groups = new Groups().open(Telemetry.of('traces', bytes, SPANS));
  const span = new SpanReader();
  const places: number[] = [];
  while (groups.nextResource()) {
    while (groups.nextScope()) {
      while (groups.nextMember()) {
        places.push(span.read(groups.buffer, groups.memberStart, groups.memberEnd).traceIdAt);
      }
    }
  }
  return places;
}

/** Processor time of this thread, which other work on the machine does not add to. */
function cpuMillis(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function watchTurn(): () => void {
  let last = cpuMillis();
  return () => {
    const now = cpuMillis();
    longest = Math.max(longest, now - last);
    last = now;
  };
}
