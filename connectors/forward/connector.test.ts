import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outputs } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { SinkConsumer } from '../../core/testing/sink.ts';
import { isReleased, spanBatch } from '../../core/testing/spans.ts';
import { ForwardConnector } from './connector.ts';

function forwarding() {
  const sink = new SinkConsumer();
  const outputs: Outputs = { for: (signal) => (signal === 'traces' ? sink : undefined), pipelines: new Map() };
  return { sink, connector: new ForwardConnector(outputs) };
}

test('hands on the same batch, and back the answer', () => {
  const { sink, connector } = forwarding();
  connector.start();
  const batch = spanBatch(['a']);
  assert.equal(connector.consume(batch), undefined);
  assert.deepEqual(sink.batches, [batch]);
  sink.refuse = new PipelineError('not now');
  assert.throws(() => connector.consume(spanBatch(['b'])), sink.refuse);
  connector.shutdown();
});

test('a signal without a pipeline is refused', () => {
  const batch = Telemetry.of('logs', Buffer.alloc(0), 1);
  assert.throws(
    () => forwarding().connector.consume(batch),
    (error: PipelineError) => error.permanent,
  );
  assert.equal(isReleased(batch), true);
});

test('passes on marks of event time', async () => {
  const sinks = [new SinkConsumer(), new SinkConsumer()];
  const pipelines = new Map(sinks.map((sink, i) => [`logs/${i}`, sink]));
  const connector = new ForwardConnector({ for: () => undefined, pipelines });
  await connector.watermark('topic/1', 1000);
  for (const sink of sinks) assert.deepEqual(sink.watermarks, [['topic/1', 1000]]);
});
