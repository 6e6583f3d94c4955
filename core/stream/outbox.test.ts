import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PipelineError } from '../error.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { settle } from '../testing/fake-clock.ts';
import { SinkConsumer } from '../testing/sink.ts';
import { Outbox } from './outbox.ts';

function batch(number: number): Telemetry {
  return Telemetry.of('logs', Buffer.from([number]), number);
}

function setUp() {
  const lost: number[] = [];
  const sink = new SinkConsumer();
  return { outbox: new Outbox(({ items }) => lost.push(items)), sink, lost };
}

test('what waits is in order, without the marks', () => {
  const { outbox, sink } = setUp();
  sink.refuse = new PipelineError('no');
  outbox.push({ to: sink, batch: batch(1) });
  outbox.push({ to: sink, partition: 'p', mark: 5 });
  outbox.push({ to: sink, batch: batch(2) });
  assert.throws(() => outbox.drain(), /no/);
  assert.deepEqual(
    outbox.waiting.map(({ batch: { items } }) => items),
    [1, 2],
  );
  sink.refuse = undefined;
  assert.equal(outbox.drain(), undefined);
  assert.deepEqual([sink.sizes, sink.watermarks], [[1, 2], [['p', 5]]]);
  assert.equal(outbox.isEmpty, true);
});

test('who asks while something is under way waits for the same', async () => {
  const { outbox, sink } = setUp();
  const open = sink.hold();
  outbox.push({ to: sink, batch: batch(1) });
  const [first, second] = [outbox.drain(), outbox.drain()];
  assert.equal(first, second);
  open();
  await first;
  assert.equal(sink.calls, 1);
});

test('what was given up while it was under way takes nothing else with it', async () => {
  for (const refusal of [undefined, new PipelineError('never', { permanent: true })]) {
    const { outbox, sink, lost } = setUp();
    const open = sink.hold();
    outbox.push({ to: sink, batch: batch(1) });
    const pending = outbox.drain();
    assert.equal(outbox.clear().length, 1);
    outbox.push({ to: sink, batch: batch(2) });
    sink.refuse = ({ items }) => (items === 1 ? refusal : undefined);
    open();
    await pending;
    await settle();
    assert.deepEqual(sink.sizes, refusal === undefined ? [1, 2] : [2]);
    assert.deepEqual(lost, []);
  }
});

test('a defect of the next stage counts as a refusal for good', () => {
  const { outbox, lost } = setUp();
  const broken = {
    consume(): never {
      throw new TypeError('defect');
    },
  };
  outbox.push({ to: broken, batch: batch(3) });
  outbox.drain();
  assert.deepEqual(lost, [3]);
});
