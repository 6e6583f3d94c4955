import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import { type Memory, processMemory } from '../../core/memory-limiter/memory.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { FakeClock } from '../../core/testing/fake-clock.ts';
import { type TestSettings, testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { type Config, config } from './config.ts';
import { MemoryLimiter } from './processor.ts';

const MIB = 1024 * 1024;

class FakeMemory implements Memory {
  mib = 10;
  /** What a collection leaves. */
  afterCollection: number | undefined;
  collections = 0;
  /** Milliseconds of a collection. */
  takes = 0;
  readonly #clock: FakeClock;
  readonly total = 1000 * MIB;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  used(): number {
    return this.mib * MIB;
  }

  collect(): void {
    this.collections++;
    this.#clock.pass(this.takes);
    this.mib = this.afterCollection ?? this.mib;
  }
}

function limiter(options: Partial<Config>, settings: TestSettings = testSettings({ id: 'memory_limiter' })) {
  const memory = new FakeMemory(settings.clock);
  const sink = new SinkConsumer();
  const full = { ...config.absent(), check_interval: 1000, ...options };
  const processor = new MemoryLimiter(settings, full, sink, () => memory);
  return { memory, sink, processor, settings };
}

const batch = (items = 3) => Telemetry.of('traces', Buffer.alloc(10), items);
const refusal = (error: unknown) =>
  error instanceof PipelineError && !error.permanent && error.message === 'data refused due to high memory usage';

test('refuses from the soft limit on and resumes below it', () => {
  const { memory, sink, processor, settings } = limiter({ limit_mib: 100, spike_limit_mib: 20 });
  processor.start();
  memory.mib = 80;
  processor.consume(batch());
  assert.equal(sink.items, 3, 'nothing is refused before the first measurement');
  settings.clock.advance(1000);
  const refused = batch(5);
  assert.throws(() => processor.consume(refused), refusal);
  assert.throws(() => refused.retain(), /after its release/, 'a refused batch is released');
  memory.mib = 79;
  settings.clock.advance(1000);
  processor.consume(batch());
  assert.equal(sink.items, 6);
  const labels = { processor: 'memory_limiter' };
  assert.equal(settings.meter.value('otelcol_processor_memory_limiter_accepted_spans', labels), 6);
  assert.equal(settings.meter.value('otelcol_processor_memory_limiter_refused_spans', labels), 5);
  assert.deepEqual(
    settings.logger.messages().filter((m) => m.startsWith('Memory')),
    [
      'Memory limiter configured',
      'Memory usage is above soft limit. Refusing data.',
      'Memory usage back within limits. Resuming normal operation.',
    ],
  );
  processor.shutdown();
  assert.equal(settings.clock.pending, 0);
});

test('the spike limit is 20% unless set, percentages are of all memory, MiB go first', () => {
  for (const [options, soft] of [
    [{ limit_mib: 100 }, 80],
    [{ limit_percentage: 50 }, 400],
    [{ limit_percentage: 50, spike_limit_percentage: 10 }, 400],
    [{ limit_percentage: 50, spike_limit_percentage: 25 }, 250],
    [{ limit_mib: 100, spike_limit_mib: 1, limit_percentage: 50 }, 99],
  ] as const) {
    const { memory, processor, settings } = limiter(options);
    processor.start();
    memory.mib = soft - 1;
    settings.clock.advance(1000);
    processor.consume(batch());
    memory.mib = soft;
    settings.clock.advance(1000);
    assert.throws(() => processor.consume(batch()), refusal, JSON.stringify(options));
  }
});

test('a collection that frees memory avoids the refusal', () => {
  const { memory, processor, settings } = limiter({ limit_mib: 100, min_gc_interval_when_soft_limited: 0 });
  processor.start();
  memory.mib = 110;
  memory.afterCollection = 20;
  settings.clock.advance(1000);
  assert.equal(memory.collections, 1);
  processor.consume(batch());
  assert.deepEqual(settings.logger.messages('warn'), ['Memory usage is above hard limit. Forcing a GC.']);
});

test('above the soft limit the first collection keeps its least interval, while refusing there is one a check', () => {
  const { memory, processor, settings } = limiter({ limit_mib: 100, min_gc_interval_when_soft_limited: 10_000 });
  processor.start();
  settings.clock.advance(5000);
  memory.mib = 90;
  settings.clock.advance(1000);
  assert.equal(memory.collections, 0);
  assert.throws(() => processor.consume(batch()), refusal);
  memory.afterCollection = 20;
  settings.clock.advance(1000);
  assert.equal(memory.collections, 1);
  processor.consume(batch());
  memory.mib = 90;
  settings.clock.advance(1000);
  assert.equal(memory.collections, 1, 'it was not refusing, so the interval counts again');
  assert.throws(() => processor.consume(batch()), refusal);
  settings.clock.advance(1000);
  assert.equal(memory.collections, 2);
  processor.consume(batch());
});

test('collections take a small part of the time, up to the longest interval', () => {
  const { memory, processor, settings } = limiter({ limit_mib: 100, max_gc_interval_when_hard_limited: 8000 });
  processor.start();
  memory.mib = 200;
  settings.clock.advance(10_000);
  assert.equal(memory.collections, 10, 'a short one at each check');
  memory.takes = 300;
  settings.clock.advance(60_000);
  assert.ok(memory.collections <= 20, `${memory.collections - 10} of 300 ms in 60 s`);
  memory.takes = 5000;
  settings.clock.advance(10_000);
  const before = memory.collections;
  settings.clock.advance(28_000);
  assert.ok(memory.collections - before >= 2, `${memory.collections - before} with the longest interval of 8 s`);
});

test('pipelines with the same id share one limiter, which ends with the last of them', async () => {
  const first = limiter({ limit_mib: 100 });
  const second = limiter({ limit_mib: 100 }, testSettings({ sharedWith: first.settings, clock: first.settings.clock }));
  first.processor.start();
  second.processor.start();
  assert.equal(first.settings.clock.pending, 1);
  first.processor.shutdown();
  first.processor.shutdown();
  first.memory.mib = 100;
  first.settings.clock.advance(1000);
  assert.throws(() => second.processor.consume(batch()), refusal);
  second.processor.shutdown();
  assert.equal(first.settings.clock.pending, 0);
  limiter({ limit_mib: 1 }).processor.shutdown();
});

test('what the process holds is measured, and a collection gives it back', async () => {
  const memory = processMemory();
  const before = memory.used();
  const hold = () => Array.from({ length: 64 }, () => Buffer.alloc(MIB, 1));
  const grown = (() => {
    const held = hold();
    return memory.used() + held.length - 64;
  })();
  assert.ok(grown - before > 48 * MIB, `grew by ${(grown - before) / MIB} MiB`);
  await new Promise((resolve) => setImmediate(resolve));
  memory.collect();
  assert.ok(memory.used() - before < 24 * MIB, `kept ${(memory.used() - before) / MIB} MiB`);
  assert.ok(memory.total > 64 * MIB && memory.total < 2 ** 50);
});

test('keys of later collectors are read, and refused when strict', () => {
  const yaml = '{check_interval: 1s, limit_mib: 100, max_gc_interval_when_soft_limited: 3s}';
  assert.equal(readYaml(config, yaml).max_gc_interval_when_soft_limited, 3000);
  assert.throws(() => readYaml(config, yaml, { strict: true }), /invalid keys: max_gc_interval_when_soft_limited/);
});
