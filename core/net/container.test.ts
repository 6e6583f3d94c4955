import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestLogger } from '../testing/settings.ts';
import { hintIfUnreachable } from './container.ts';

test('a server that only its container can reach says so', () => {
  const logger = new TestLogger();
  for (const address of ['127.0.0.1', '::1', '0.0.0.0', '::', '10.0.0.7', '/run/otlp.sock']) {
    hintIfUnreachable(logger, address, 'protocols::grpc::endpoint', true);
    hintIfUnreachable(logger, address, 'protocols::grpc::endpoint', false);
  }
  assert.equal(logger.lines.length, 2);
  assert.equal(logger.lines[0]?.fields.key, 'protocols::grpc::endpoint');
});
