import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import factory from './index.ts';

test('nothing comes in', () => {
  const sink = new SinkConsumer();
  const outputs = { for: () => sink, pipelines: new Map() };
  const receiver = factory.create(testSettings({ id: 'nop', kind: 'receiver' }), readYaml(factory.config, ''), outputs);
  receiver.shutdown();
  assert.equal(sink.calls, 0);
});
