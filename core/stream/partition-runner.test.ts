import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Consumer } from '../consumer.ts';
import { PipelineError } from '../error.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { TestLogger } from '../testing/settings.ts';
import { SinkConsumer } from '../testing/sink.ts';
import { PartitionRunner, type PartitionState } from './partition-runner.ts';

const REFUSAL = new PipelineError('not now');
const FINAL = new PipelineError('never', { permanent: true });

/** A batch that says a number by its count of items. */
function batch(number: number): Telemetry {
  return Telemetry.of('logs', Buffer.from([number]), number);
}

const NO_STATE: PartitionState = {
  keys: 0,
  open: 0,
  advance: () => {},
  finish: () => {},
  snapshot: () => new Map(),
  restore: () => {},
};

function setUp(sinks: readonly Consumer[] = [new SinkConsumer()]) {
  const clock = new FakeClock();
  const logger = new TestLogger();
  const eventTime = { outOfOrderness: 0, idleTimeout: 0, clock };
  const options = { eventTime, clock, logger, next: sinks };
  const runner = new PartitionRunner('p', options, () => NO_STATE);
  const pipelines = new Map(sinks.map((sink, i) => [`logs/${i}`, sink]));
  return { clock, logger, runner, pipelines, sink: sinks[0] as SinkConsumer };
}

test('results and marks go on in order, without a promise where nothing waits', () => {
  const { runner, sink } = setUp();
  const result = runner.run(() => {
    runner.emit(batch(1));
    runner.emit(batch(2));
    runner.clock.advance('p', 100);
  });
  assert.equal(result, undefined);
  assert.deepEqual(sink.sizes, [1, 2]);
  assert.deepEqual(sink.watermarks, [['p', 100]]);
  runner.run(() => {});
  assert.equal(sink.watermarks.length, 1, 'a mark is told once');
});

test('what is refused stays, in order, and nothing is processed before it is taken', async () => {
  const { runner, sink, clock, logger } = setUp();
  sink.refuse = REFUSAL;
  assert.equal(
    runner.run(() => runner.emit(batch(1))),
    undefined,
    'the input of what is refused was accepted',
  );
  assert.equal(runner.isSettled, false);
  let ran = 0;
  const step = () => {
    ran++;
    runner.emit(batch(2));
  };
  await assert.rejects(async () => runner.run(step), /not now/);
  await assert.rejects(async () => runner.run(step), /not now/);
  assert.equal(ran, 0);
  sink.refuse = undefined;
  await runner.run(step);
  assert.deepEqual(sink.sizes, [1, 2]);
  assert.equal(runner.isSettled, true);
  assert.equal(clock.pending, 0, 'nothing tries again what is done');
  assert.deepEqual(logger.messages(), ['Results were refused for now, the partition waits', 'Results are taken again']);
});

test('the runner tries again by itself, when the refusal says', async () => {
  const { runner, sink, clock } = setUp();
  sink.refuse = new PipelineError('later', { retryAfterMs: 30_000 });
  runner.run(() => runner.emit(batch(1)));
  assert.equal(sink.calls, 1);
  await clock.advanceAsync(29_999);
  assert.equal(sink.calls, 1);
  sink.refuse = REFUSAL;
  await clock.advanceAsync(1);
  assert.equal(sink.calls, 2);
  sink.refuse = undefined;
  await clock.advanceAsync(1_000);
  assert.deepEqual(sink.sizes, [1]);
  assert.equal(clock.pending, 0);
});

test('one pipeline that refuses does not double what the other took', async () => {
  const [taking, refusing] = [new SinkConsumer(), new SinkConsumer()];
  const { runner, clock } = setUp([taking, refusing]);
  refusing.refuse = REFUSAL;
  runner.run(() => {
    runner.emit(batch(1));
    runner.emit(batch(2));
  });
  assert.deepEqual([taking.sizes, refusing.sizes], [[1], []]);
  refusing.refuse = undefined;
  await clock.advanceAsync(1_000);
  assert.deepEqual(
    [taking.sizes, refusing.sizes],
    [
      [1, 2],
      [1, 2],
    ],
  );
});

test('what is refused for good is dropped and logged, and does not hold up what follows', () => {
  const { runner, sink, logger } = setUp();
  sink.refuse = ({ items }) => (items === 5 ? FINAL : undefined);
  runner.run(() => {
    runner.emit(batch(5));
    runner.emit(batch(6));
  });
  assert.deepEqual(sink.sizes, [6]);
  assert.equal(logger.lines[0]?.level, 'error');
  assert.equal(logger.lines[0]?.fields.dropped_items, 5);
});

test('an asynchronous next stage keeps the order of concurrent steps', async () => {
  const { runner, sink } = setUp();
  const open = sink.hold();
  const ran: number[] = [];
  const steps = [1, 2, 3, 4].map((number) =>
    runner.run(() => {
      ran.push(number);
      runner.emit(batch(number));
      runner.clock.advance('p', number);
    }),
  );
  assert.deepEqual(ran, [1]);
  open();
  sink.async = true;
  await Promise.all(steps);
  assert.deepEqual(ran, [1, 2, 3, 4]);
  assert.deepEqual(sink.sizes, [1, 2, 3, 4]);
  assert.deepEqual(
    sink.watermarks.map(([, time]) => time),
    [1, 2, 3, 4],
  );
});

test('refusals at random, of a next stage that answers at once or later, lose nothing and double nothing', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const { runner, sink, clock } = setUp();
    let state = seed;
    const chance = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return state / 0x8000_0000;
    };
    sink.async = seed % 2 === 1;
    sink.refuse = () => (chance() < 0.4 ? REFUSAL : undefined);
    const sent: number[] = [];
    for (let number = 1; number <= 30; number++) {
      const step = () => {
        sent.push(number);
        for (let i = 0; i < number % 3; i++) runner.emit(batch(number));
      };
      for (let done = false; !done; ) {
        const pending = (async () => runner.run(step))().then(
          () => true,
          () => false,
        );
        await clock.advanceAsync(chance() < 0.3 ? 1_000 : 0);
        done = await pending;
      }
    }
    sink.refuse = undefined;
    await clock.advanceAsync(5_000);
    assert.deepEqual(
      sent,
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
    assert.deepEqual(
      sink.sizes,
      sent.flatMap((number) => Array(number % 3).fill(number)),
      `seed ${seed}`,
    );
  }
});

test('results that wait are in the snapshot, and go out first after it was restored', async () => {
  const before = setUp();
  before.sink.refuse = REFUSAL;
  before.runner.run(() => {
    before.runner.emit(batch(1));
    before.runner.emit(batch(2));
    before.runner.clock.advance('p', 77);
  });
  const entries = before.runner.snapshot('all', before.pipelines) as Map<string, Buffer>;
  const after = setUp();
  after.runner.restore(entries, 1, after.pipelines);
  assert.equal(after.runner.clock.watermark, 77);
  await after.runner.run(() => after.runner.emit(batch(3)));
  assert.deepEqual(after.sink.sizes, [1, 2, 3]);
  assert.deepEqual(after.sink.batches[0]?.context.stream, { partition: 'p', watermarked: true });
});

test('results that wait go out after a restore even where nothing more comes', async () => {
  const before = setUp();
  before.sink.refuse = REFUSAL;
  before.runner.run(() => before.runner.emit(batch(1)));
  const entries = before.runner.snapshot('all', before.pipelines) as Map<string, Buffer>;
  const after = setUp();
  after.runner.restore(entries, 1, after.pipelines);
  await after.clock.advanceAsync(1);
  assert.deepEqual(after.sink.sizes, [1]);
});

test('results for a pipeline that is gone from the configuration are logged', () => {
  const before = setUp();
  before.sink.refuse = REFUSAL;
  before.runner.run(() => before.runner.emit(batch(4)));
  const entries = before.runner.snapshot('all', before.pipelines) as Map<string, Buffer>;
  const after = setUp();
  after.runner.restore(entries, 1, new Map());
  assert.equal(after.runner.isSettled, true);
  assert.equal(after.logger.messages('error').length, 1);
});

test('a snapshot of changes leaves out a clock that stands still', () => {
  const { runner, pipelines } = setUp();
  runner.run(() => runner.clock.advance('p', 5));
  assert.equal(runner.snapshot('changed', pipelines).size, 1);
  assert.equal(runner.snapshot('changed', pipelines).size, 0);
  assert.equal(runner.snapshot('all', pipelines).size, 1);
  runner.run(() => runner.clock.advance('p', 6));
  assert.equal(runner.snapshot('changed', pipelines).size, 1);
});

test('a damaged snapshot is refused', () => {
  const { runner, pipelines } = setUp();
  runner.run(() => runner.clock.advance('p', 5));
  const [[name, bytes]] = [...runner.snapshot('all', pipelines)] as [[string, Buffer]];
  const damaged = new Map([[name, bytes.subarray(0, bytes.length - 3)]]);
  assert.throws(() => setUp().runner.restore(damaged, 1, pipelines), /damaged/);
});

test('a partition that is given away emits nothing more, and refuses what waits for it', async () => {
  const { runner, sink, clock } = setUp();
  sink.refuse = REFUSAL;
  runner.run(() => runner.emit(batch(1)));
  const open = sink.hold();
  const waiting = runner.run(() => runner.emit(batch(2)));
  runner.abandon();
  sink.refuse = undefined;
  open();
  await assert.rejects(async () => waiting, /given away/);
  await clock.advanceAsync(10_000);
  assert.ok(
    sink.sizes.every((size) => size === 1),
    'only what was under way',
  );
  assert.equal(clock.pending, 0);
});

test('what is refused after its partition was given away is not tried again', async () => {
  const { runner, sink, clock } = setUp();
  const open = sink.hold();
  const pending = runner.run(() => runner.emit(batch(1)));
  runner.abandon();
  sink.refuse = REFUSAL;
  open();
  await pending;
  await clock.advanceAsync(10_000);
  assert.equal(sink.calls, 1);
  assert.equal(clock.pending, 0);
});

test('at the end what is refused is lost and logged, or kept for the snapshot', async () => {
  for (const kept of [false, true]) {
    const { runner, sink, clock, logger, pipelines } = setUp();
    sink.refuse = REFUSAL;
    runner.run(() => runner.emit(batch(3)));
    await runner.close(kept);
    await settle();
    assert.equal(clock.pending, 0);
    assert.equal(logger.messages('error').length, kept ? 0 : 1);
    assert.equal(runner.isSettled, !kept);
    const after = setUp();
    after.runner.restore(runner.snapshot('all', pipelines) as Map<string, Buffer>, 1, after.pipelines);
    await after.clock.advanceAsync(1);
    assert.deepEqual(after.sink.sizes, kept ? [3] : []);
  }
});

test('results are under way until they are accepted or refused', async () => {
  const { runner, sink } = setUp();
  assert.equal(runner.settled, undefined);
  for (const refuse of [undefined, REFUSAL]) {
    sink.refuse = refuse;
    const open = sink.hold();
    const running = runner.run(() => runner.emit(batch(1)));
    const { settled } = runner;
    assert.ok(settled !== undefined);
    open();
    await settled;
    assert.equal(runner.settled, undefined);
    assert.equal(runner.isSettled, refuse === undefined, 'what was refused waits, and is not under way');
    await running;
  }
});
