import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queue } from '../config/sections/queue.ts';
import { retry } from '../config/sections/retry.ts';
import { PipelineError } from '../error.ts';
import { StatusCode } from '../status-code.ts';
import { settle } from '../testing/fake-clock.ts';
import { type FakePush, started } from '../testing/fake-push.ts';
import { isReleased, spanBatch } from '../testing/spans.ts';
import { DeadlineError, type ExporterConfig, PartialFailure, TooLargeError } from './types.ts';

const RETRY = retry.absent();
const QUEUE = queue.absent();
const unavailable = () => new PipelineError('cannot connect');
const permanent = () => new PipelineError('not understood', { permanent: true });

test('without queue and retry the outcome of the push is the outcome of consume', async () => {
  const { exporter, push, settings } = await started({});
  assert.equal(exporter.consume(spanBatch(['a'])), undefined, 'nothing asynchronous, no promise');
  const async = push.hold();
  const batch = spanBatch(['b', 'c']);
  const pending = exporter.consume(batch);
  assert.ok(pending instanceof Promise);
  assert.equal(settings.meter.value('otelcol_exporter_in_flight_requests', { data_type: 'traces' }), 1);
  assert.equal(isReleased(batch), false, 'a batch lives as long as its push');
  async();
  await pending;
  assert.equal(isReleased(batch), true);
  push.fail = permanent();
  const refused = spanBatch(['d']);
  assert.throws(() => exporter.consume(refused), { message: 'not understood' });
  assert.equal(isReleased(refused), true);
  assert.deepEqual(push.names, ['a', 'b,c', 'd']);
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans', { exporter: 'test' }), 3);
  assert.equal(
    settings.meter.value('otelcol_exporter_send_failed_spans', { error_type: '_OTHER', error_permanent: 'true' }),
    1,
  );
  assert.deepEqual(settings.logger.lines, [
    {
      level: 'error',
      message: 'Exporting failed. Rejecting data.',
      fields: { error: 'Permanent error: not understood', rejected_items: 1 },
    },
  ]);
  await exporter.shutdown();
  assert.equal(settings.meter.value('otelcol_exporter_in_flight_requests'), undefined);
});

test('the log advises to switch on what is off', async () => {
  const off: ExporterConfig = { retry_on_failure: { ...RETRY, enabled: false }, sending_queue: undefined };
  const { exporter, push, settings } = await started(off);
  push.fail = unavailable();
  assert.throws(() => exporter.consume(spanBatch(['a'])), { message: 'cannot connect' });
  assert.deepEqual(settings.logger.messages(), [
    'Exporting failed. Rejecting data. Try enabling retry_on_failure config option to retry on retryable errors.' +
      ' Try enabling sending_queue to survive temporary failures.',
  ]);
  await exporter.shutdown();
});

test('a retryable failure is tried again at growing intervals with jitter, at most max_interval', async () => {
  let random = 0.5;
  const { exporter, push, settings } = await started({ retry_on_failure: RETRY }, { random: () => random });
  push.fail = unavailable();
  const pending = exporter.consume(spanBatch(['a']));
  const nextInterval = async () => {
    const seen = settings.logger.lines.length;
    while (settings.logger.lines.length === seen) await settings.clock.advanceAsync(1000);
    return settings.logger.lines.at(-1)?.fields.interval;
  };
  assert.equal(settings.logger.lines[0]?.fields.interval, '5s');
  for (const interval of ['7.5s', '11.25s', '16.875s', '25.3125s', '30s', '30s']) {
    assert.equal(await nextInterval(), interval);
  }
  random = 0;
  assert.equal(await nextInterval(), '15s');
  random = 0.999;
  assert.equal(await nextInterval(), '44.97s');
  assert.equal(settings.logger.lines[0]?.message, 'Exporting failed. Will retry the request after interval.');
  push.fail = undefined;
  await settings.clock.advanceAsync(50_000);
  await pending;
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 1);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), undefined, 'only final failures count');
  assert.deepEqual(push.attempts.slice(0, 3), [0, 1, 2]);
  await exporter.shutdown();
});

test('a longer delay asked for by the peer goes before the back-off', async () => {
  const { exporter, push, settings } = await started({ retry_on_failure: RETRY });
  push.fail = new PipelineError('slow down', { retryAfterMs: 12_000 });
  const pending = exporter.consume(spanBatch(['a']));
  push.fail = undefined;
  await settings.clock.advanceAsync(11_999);
  assert.equal(push.names.length, 1);
  await settings.clock.advanceAsync(1);
  await pending;
  assert.equal(push.names.length, 2);
  await exporter.shutdown();
});

test('retries end when the next one would be after max_elapsed_time', async () => {
  const { exporter, push, settings } = await started({ retry_on_failure: { ...RETRY, max_elapsed_time: 20_000 } });
  push.fail = new PipelineError('down', { code: StatusCode.UNAVAILABLE });
  const outcome = Promise.resolve(exporter.consume(spanBatch(['a']))).catch((error: PipelineError) => error);
  await settings.clock.advanceAsync(20_000);
  const error = await outcome;
  assert.ok(error instanceof PipelineError);
  assert.equal(error.message, 'no more retries left: down');
  assert.equal(error.permanent, false);
  assert.equal(push.names.length, 3, 'at 0 s, 5 s and 12.5 s; the next one would be at 23.75 s');
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans', { error_type: 'Unavailable' }), 1);
  await exporter.shutdown();
});

test('a permanent failure is not tried again', async () => {
  const { exporter, push } = await started({ retry_on_failure: RETRY });
  push.fail = new PipelineError('bad', { permanent: true, code: StatusCode.INVALID_ARGUMENT });
  assert.throws(
    () => exporter.consume(spanBatch(['a'])),
    (error: PipelineError) => {
      assert.equal(error.message, 'not retryable error: Permanent error: bad');
      assert.equal(error.code, StatusCode.INVALID_ARGUMENT);
      return error.permanent;
    },
  );
  await exporter.shutdown();
});

test('of a partial failure only the failed part is tried again', async () => {
  const { exporter, push, settings } = await started({ retry_on_failure: RETRY });
  const failed = spanBatch(['c']);
  push.fail = new PartialFailure('one refused', failed);
  const whole = spanBatch(['a', 'b', 'c']);
  const pending = exporter.consume(whole);
  assert.equal(isReleased(whole), true);
  push.fail = undefined;
  await settings.clock.advanceAsync(5000);
  await pending;
  assert.deepEqual(push.names, ['a,b,c', 'c']);
  assert.equal(isReleased(failed), true);
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 3);
  await exporter.shutdown();
});

test('an attempt ends at its timeout, the batch lives until the push let go of it', async () => {
  const { exporter, push, settings } = await started({ timeout: 5000, retry_on_failure: RETRY });
  const open = push.hold();
  const batch = spanBatch(['a']);
  const pending = exporter.consume(batch);
  await settings.clock.advanceAsync(5000);
  assert.equal(push.aborted, 1);
  assert.equal(settings.logger.lines[0]?.fields.error, 'context deadline exceeded');
  open();
  await settings.clock.advanceAsync(5000);
  await pending;
  assert.equal(push.names.length, 2);
  assert.equal(isReleased(batch), true);
  assert.equal(settings.clock.pending, 0, 'no timer is left');
  await exporter.shutdown();
});

test('a push that never lets go keeps its batch, the caller gets the deadline', async () => {
  const { exporter, push, settings } = await started({ timeout: 1000 });
  push.hold();
  const batch = spanBatch(['a']);
  const outcome = Promise.resolve(exporter.consume(batch)).catch((error) => error);
  await settings.clock.advanceAsync(1000);
  assert.ok((await outcome) instanceof DeadlineError);
  assert.equal(isReleased(batch), false);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans', { error_type: 'Deadline_Exceeded' }), 1);
});

test('shutdown tries what waits for a retry once more, drains the queue with one attempt each and then closes', async () => {
  const { exporter, push, settings, order } = await started({
    retry_on_failure: RETRY,
    sending_queue: { ...QUEUE, num_consumers: 1 },
  });
  push.fail = unavailable();
  for (const name of ['a', 'b', 'c']) exporter.consume(spanBatch([name]));
  await settle();
  assert.deepEqual(push.names, ['a'], 'one consumer, which waits for its retry');
  const first = exporter.shutdown();
  const second = exporter.shutdown();
  await Promise.all([first, second]);
  assert.deepEqual(push.names, ['a', 'a', 'b', 'c']);
  assert.deepEqual(order, ['start', 'push', 'push', 'push', 'push', 'shutdown']);
  const dropped = settings.logger.lines.filter((line) => line.message === 'Exporting failed. Dropping data.');
  assert.deepEqual(dropped[0]?.fields, { error: 'interrupted due to shutdown: cannot connect', dropped_items: 1 });
  assert.equal(dropped.length, 3);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans', { error_type: 'Shutdown' }), 3);
  assert.equal(settings.clock.pending, 0);
  const late = spanBatch(['late']);
  assert.throws(() => exporter.consume(late), PipelineError);
  assert.equal(isReleased(late), true);
});

test('what waits for a retry arrives at shutdown where the peer is back', async () => {
  const { exporter, push, settings } = await started({ retry_on_failure: RETRY, sending_queue: QUEUE });
  push.fail = unavailable();
  exporter.consume(spanBatch(['a']));
  push.fail = undefined;
  await exporter.shutdown();
  assert.deepEqual(push.names, ['a', 'a']);
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 1);
  assert.deepEqual(settings.logger.messages('error'), []);
  assert.equal(settings.clock.pending, 0);
});

test('shutdown without start closes what there is and accepts nothing', async () => {
  const { exporter, order } = await started({ sending_queue: QUEUE }, { start: false });
  assert.throws(() => exporter.consume(spanBatch(['a'])), /is not running/);
  await exporter.shutdown();
  assert.deepEqual(order, ['shutdown']);
});

test('a queue that is to be kept needs its extension', async () => {
  const { exporter, host } = await started({ sending_queue: { ...QUEUE, storage: 'file_storage' } }, { start: false });
  await assert.rejects(async () => exporter.start(host), { message: 'no storage client extension found' });
  await exporter.shutdown();
});

test('a peer that is down is told of once, and once when it is back', async () => {
  const { exporter, push, settings } = await started({ retry_on_failure: RETRY });
  push.fail = unavailable();
  const pending = ['a', 'b', 'c'].map((name) => exporter.consume(spanBatch([name])));
  await settings.clock.advanceAsync(60_000);
  push.fail = undefined;
  await settings.clock.advanceAsync(60_000);
  await Promise.all(pending);
  assert.deepEqual(settings.logger.messages('info'), [
    'Exporting failed. Will retry the request after interval.',
    'Exporting works again.',
  ]);
  await exporter.shutdown();
});

/** A peer that takes messages of so many bytes, and does or does not tell. */
function limited(push: FakePush, limit: number, told: boolean): void {
  const take = push.push.bind(push);
  push.push = (batch, context) => {
    if (batch.byteLength > limit)
      throw new TooLargeError(new PipelineError('too large', { permanent: true }), told ? limit : undefined);
    return take(batch, context);
  };
}

const hundred = Array.from({ length: 100 }, (_, i) => `span-${i}`);

for (const told of [true, false]) {
  test(`a batch that is too large for the peer is sent in parts, its limit is ${told ? '' : 'not '}known`, async () => {
    const { exporter, push, settings } = await started({ retry_on_failure: RETRY, sending_queue: QUEUE });
    const whole = spanBatch(hundred);
    const size = whole.byteLength;
    limited(push, Math.ceil(size / 3), told);
    exporter.consume(whole);
    await exporter.shutdown();
    assert.deepEqual(push.names.join().split(','), hundred, 'all, once, in order');
    assert.ok(push.sizes.every((bytes) => bytes <= Math.ceil(size / 3)));
    assert.ok(push.names.length <= 8, `${push.names.length} parts`);
    assert.equal(isReleased(whole), true);
    assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 100);
    assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), undefined);
    const warned = settings.logger.lines.filter(({ level }) => level === 'warn');
    assert.deepEqual(
      warned.map(({ fields }) => [fields.error, fields.bytes]),
      [['Permanent error: too large', size]],
      'said once',
    );
  });
}

test('of a batch in parts only what is too large alone is given up, and what fails is retried', async () => {
  const { exporter, push, settings } = await started({ retry_on_failure: RETRY, sending_queue: QUEUE });
  const large = 'x'.repeat(2000);
  limited(push, 1000, true);
  exporter.consume(spanBatch([...hundred, large]));
  assert.deepEqual(push.names.join().split(','), hundred);
  const dropped = settings.logger.lines.filter(({ message }) => message === 'Exporting failed. Dropping data.');
  assert.deepEqual(
    dropped.map(({ fields }) => fields),
    [{ error: 'not retryable error: Permanent error: too large', dropped_items: 1 }],
  );
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 100);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), 1);
  push.fail = unavailable();
  exporter.consume(spanBatch(hundred));
  assert.ok(settings.meter.value('otelcol_exporter_in_flight_requests', { data_type: 'traces' })! > 1);
  assert.equal(settings.meter.value('otelcol_exporter_queue_size'), 1, 'one request until all of it is done');
  push.fail = undefined;
  push.names.length = 0;
  await settings.clock.advanceAsync(5000);
  assert.deepEqual(push.names.join().split(','), hundred);
  assert.equal(settings.meter.value('otelcol_exporter_queue_size'), 0);
  assert.equal(settings.meter.value('otelcol_exporter_in_flight_requests', { data_type: 'traces' }), 0);
  await exporter.shutdown();
});

test('a peer for which everything is too large is not asked for ever', async () => {
  const { exporter, push, settings } = await started({ retry_on_failure: RETRY });
  let asked = 0;
  push.push = () => {
    asked++;
    throw new TooLargeError(new PipelineError('too large', { permanent: true }));
  };
  assert.throws(() => exporter.consume(spanBatch(Array.from({ length: 5000 }, (_, i) => `${i}`))), /too large/);
  assert.ok(asked < 512, `${asked} requests`);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), 5000);
  await exporter.shutdown();
});

test('an exporter that fails says so in its status, and when exports work again', async () => {
  const { exporter, push, host } = await started({ retry_on_failure: RETRY, sending_queue: QUEUE });
  push.fail = unavailable();
  for (const name of ['a', 'b']) exporter.consume(spanBatch([name]));
  assert.deepEqual(
    host.reported.map(({ status, error }) => [status, error?.message]),
    [['StatusRecoverableError', 'exports fail: cannot connect']],
  );
  push.fail = undefined;
  exporter.consume(spanBatch(['c']));
  assert.deepEqual(host.reported.slice(1), [{ status: 'StatusOK' }]);
  push.fail = unavailable();
  await exporter.shutdown();
  assert.equal(host.reported.length, 2, 'at the end the service has the word');
});
