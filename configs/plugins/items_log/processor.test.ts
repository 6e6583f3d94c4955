import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../../core/config/read.ts';
import { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { conformance } from '../../../core/testing/conformance/suite.ts';
import { testSettings } from '../../../core/testing/settings.ts';
import { SinkConsumer } from '../../../core/testing/sink.ts';
import { config } from './config.ts';
import factory from './index.ts';
import { ItemsLogProcessor } from './processor.ts';

test('one line an interval, with what passed', async () => {
  const settings = testSettings();
  const processor = new ItemsLogProcessor(settings, readYaml(config, 'every: 1s'), new SinkConsumer());
  processor.start();
  for (const items of [2, 3]) await processor.consume(Telemetry.of('traces', Buffer.alloc(0), items));
  settings.clock.advance(2500);
  await processor.consume(Telemetry.of('traces', Buffer.alloc(0), 7));
  processor.shutdown();
  assert.deepEqual(
    settings.logger.lines.map((line) => line.fields.items),
    [5, 7],
  );
});

conformance('items_log', { factory, minimal: '' });
