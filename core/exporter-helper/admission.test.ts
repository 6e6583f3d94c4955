import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type QueueConfig, queue } from '../config/sections/queue.ts';
import { PipelineError } from '../error.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { started } from '../testing/fake-push.ts';
import { MemoryStorage } from '../testing/memory-storage.ts';
import { isReleased, spanBatch } from '../testing/spans.ts';
import { Admission } from './admission.ts';

const MIB = 1024 * 1024;

/** A queue with room for one request, which is taken, in memory and in a storage. */
const KINDS: readonly (readonly [string, Partial<QueueConfig>])[] = [
  ['in memory', {}],
  ['in a storage', { storage: 'disk' }],
];

async function fullQueue(config: Partial<QueueConfig>) {
  const sending_queue = { ...queue.absent(), num_consumers: 1, queue_size: 1, block_on_overflow: true, ...config };
  const all = await started({ sending_queue }, { start: false });
  all.host.extensions.set('disk', new MemoryStorage());
  await all.exporter.start(all.host);
  const open = all.push.hold();
  await all.exporter.consume(spanBatch(['first']));
  return { ...all, open };
}

const outcomeOf = (consumed: void | Promise<void>): Promise<string> =>
  Promise.resolve(consumed).then(
    () => 'accepted',
    (error: PipelineError) => error.message,
  );

for (const [kind, config] of KINDS) {
  test(`${kind}: what waits for room has a limit of its own, beyond it callers are refused`, async () => {
    const { exporter, push, open } = await fullQueue(config);
    const large = (i: number) => spanBatch([`${i}`.padEnd(16 * MIB, 'x')]);
    const waiting = [0, 1, 2].map((i) => outcomeOf(exporter.consume(large(i))));
    const refused = large(3);
    const error = await Promise.resolve()
      .then(() => exporter.consume(refused))
      .catch((caught: PipelineError) => caught);
    assert.ok(error instanceof PipelineError && !error.permanent);
    assert.equal(error.message, 'sending queue is full');
    assert.equal(isReleased(refused), true);
    const small = outcomeOf(exporter.consume(spanBatch(['small'])));
    open();
    assert.deepEqual(await Promise.all([...waiting, small]), ['accepted', 'accepted', 'accepted', 'accepted']);
    await exporter.shutdown();
    assert.deepEqual(
      push.names.map((name) => name[0]),
      ['f', '0', '1', '2', 's'],
    );
  });

  test(`${kind}: a caller that gave up does not wait any longer, and who is behind it goes on`, async () => {
    const { exporter, push, settings, open } = await fullQueue({ ...config, queue_size: 2, sizer: 'items' });
    const caller = { cancelled: false };
    const from = (names: readonly string[]): Telemetry => Object.assign(spanBatch(names), { caller });
    const two = from(['a', 'b']);
    const given = outcomeOf(exporter.consume(two));
    const next = outcomeOf(exporter.consume(spanBatch(['c'])));
    settings.clock.advance(5000);
    assert.equal(isReleased(two), false, 'it waits as long as its caller does');
    caller.cancelled = true;
    settings.clock.advance(1000);
    assert.match(await given, /the sender gave up/);
    assert.equal(isReleased(two), true);
    assert.equal(await next, 'accepted', 'there was room for it all the time');
    open();
    await exporter.shutdown();
    assert.deepEqual(push.names, ['first', 'c']);
    assert.equal(settings.clock.pending, 0, 'nobody waits, no timer');
  });
}

test('who gave up just before there was room is not let in', async () => {
  const { exporter, push, open } = await fullQueue({});
  const caller = { cancelled: false };
  const given = outcomeOf(exporter.consume(Object.assign(spanBatch(['a']), { caller })));
  caller.cancelled = true;
  open();
  assert.match(await given, /the sender gave up/);
  await settle();
  assert.deepEqual(push.names, ['first']);
  await exporter.shutdown();
});

test('what was left by the last process stays, also where it is more than there is room for', () => {
  const admission = new Admission({ ...queue.absent(), queue_size: 2 }, new FakeClock());
  admission.restore(5);
  assert.throws(() => admission.enter(spanBatch(['a']), 1), /sending queue is full/);
  admission.leave(4);
  assert.equal(admission.enter(spanBatch(['a']), 1), true);
  assert.equal(admission.size, 2);
});
