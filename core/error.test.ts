import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PipelineError } from './error.ts';
import { wrap } from './exporter-helper/retry.ts';
import { StatusCode } from './status-code.ts';

test('a permanent error is INTERNAL, any other UNAVAILABLE, unless a status was given', () => {
  assert.equal(new PipelineError('x', { permanent: true }).code, StatusCode.INTERNAL);
  assert.equal(new PipelineError('x').code, StatusCode.UNAVAILABLE);
  assert.equal(new PipelineError('x', { code: StatusCode.RESOURCE_EXHAUSTED }).code, StatusCode.RESOURCE_EXHAUSTED);
});

test('whatever is caught becomes a PipelineError', () => {
  const own = new PipelineError('mine');
  assert.equal(PipelineError.from(own), own);
  for (const thrown of [new TypeError('boom'), 'text', undefined, null, 7, { a: 1 }]) {
    const error = PipelineError.from(thrown);
    assert.equal(error.permanent, true);
    assert.equal(error.cause, thrown);
  }
});

test('an error of a plugin that brings its own copy of this file keeps what it says', async () => {
  const copy: typeof import('./error.ts') = await import(`${import.meta.resolve('./error.ts')}?copy`);
  const busy = new copy.PipelineError('busy', { retryAfterMs: 5 });
  assert.ok(!(busy instanceof PipelineError));
  const { permanent, code, retryAfterMs, text, hasStatus } = PipelineError.from(busy);
  assert.deepEqual([permanent, code, retryAfterMs, text, hasStatus], [false, StatusCode.UNAVAILABLE, 5, 'busy', false]);
  const status = PipelineError.from(copy.PipelineError.ofStatus('no', { code: StatusCode.NOT_FOUND, permanent: true }));
  assert.deepEqual([status.permanent, status.code, status.hasStatus], [true, StatusCode.NOT_FOUND, true]);
});

test('joined errors can be retried when one of them can, after the longest wait asked for', () => {
  const lasting = new PipelineError('bad data', { permanent: true });
  const passing = new PipelineError('busy', { retryAfterMs: 200 });
  const later = new PipelineError('busier', { retryAfterMs: 3000 });
  const joined = PipelineError.join([lasting, passing, later]);
  assert.equal(joined.permanent, false);
  assert.equal(joined.code, StatusCode.UNAVAILABLE);
  assert.equal(joined.retryAfterMs, 3000);
  assert.equal(joined.message, 'Permanent error: bad data; busy; busier');
  assert.equal(PipelineError.join([lasting, lasting]).permanent, true);
  assert.equal(PipelineError.join([passing]), passing);
});

test('logs and senders get the words of the collector', () => {
  const words = ({ text, answer }: PipelineError) => [text, answer];
  const code = StatusCode.CANCELLED;
  assert.deepEqual(words(new PipelineError('busy')), ['busy', 'busy']);
  assert.deepEqual(words(new PipelineError('bad', { permanent: true })), Array(2).fill('Permanent error: bad'));
  const passing = PipelineError.ofStatus('gone', { code });
  assert.deepEqual(words(passing), ['rpc error: code = Canceled desc = gone', 'gone']);
  const lasting = PipelineError.ofStatus('no', { code: StatusCode.INVALID_ARGUMENT, permanent: true });
  assert.deepEqual(words(lasting), Array(2).fill('Permanent error: rpc error: code = InvalidArgument desc = no'));
  const wrapped = wrap('not retryable error', lasting);
  assert.deepEqual(words(wrapped), Array(2).fill(`not retryable error: ${lasting.text}`));
  assert.equal(wrapped.code, StatusCode.INVALID_ARGUMENT);
  assert.equal(wrap('no more retries left', passing).answer, `no more retries left: ${passing.text}`);
});
