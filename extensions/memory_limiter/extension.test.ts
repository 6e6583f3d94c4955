import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PipelineError } from '../../core/error.ts';
import { httpStatusOf } from '../../core/http/grpc-status.ts';
import { StatusCode } from '../../core/status-code.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from './config.ts';
import { MemoryLimiterExtension } from './extension.ts';

test('requests are refused while memory is short: RESOURCE_EXHAUSTED, 429', () => {
  const settings = testSettings({ id: 'memory_limiter', kind: 'extension', signals: [] });
  const memory = { mib: 10, total: 2 ** 30, used: () => memory.mib * 2 ** 20, collect: () => {} };
  const limits = { ...config.absent(), check_interval: 1000, limit_mib: 100, spike_limit_mib: 20 };
  const extension = new MemoryLimiterExtension(settings, limits, () => memory);
  extension.start();
  memory.mib = 80;
  extension.admit();
  settings.clock.advance(1000);
  assert.throws(
    () => extension.admit(),
    (error) =>
      error instanceof PipelineError &&
      error.code === StatusCode.RESOURCE_EXHAUSTED &&
      httpStatusOf(error.code) === 429 &&
      error.answer === 'RESOURCE_EXHAUSTED',
  );
  memory.mib = 79;
  settings.clock.advance(1000);
  extension.admit();
  extension.shutdown();
  extension.shutdown();
  assert.equal(settings.clock.pending, 0);
});
