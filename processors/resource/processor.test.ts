import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { isReleased, spanBatch } from '../../core/testing/spans.ts';
import { config } from './config.ts';
import { ResourceProcessor } from './processor.ts';

function run(yaml: string, batch: Telemetry): Telemetry {
  let result: Telemetry | undefined;
  const next = {
    consume(got: Telemetry) {
      result = got;
    },
  };
  new ResourceProcessor(testSettings(), readYaml(config, `attributes: [${yaml}]`), next).consume(batch);
  return result as Telemetry;
}

const attributesOf = (batch: Telemetry) =>
  decodeTree('traces', batch).resourceSpans.map((group) =>
    group.resource?.attributes.map(({ key, value }) => [key, value?.stringValue]),
  );

test('attributes of resources change, spans stay as they are', () => {
  const batch = spanBatch(['a', 'b'], { env: 'test' });
  const result = run('{ key: env, value: prod, action: update }, { key: region, value: eu, action: insert }', batch);
  assert.deepEqual(attributesOf(result), [
    [
      ['env', 'prod'],
      ['region', 'eu'],
    ],
  ]);
  assert.equal(decodeTree('traces', result).resourceSpans[0]?.scopeSpans[0]?.spans.length, 2);
  assert.equal(isReleased(batch), true);
});

test('a resource that is absent gets attributes', () => {
  // a resource group with a scope group with a span, all else absent
  const request = Buffer.from([0x0a, 4, 0x12, 2, 0x12, 0]);
  const result = run('{ key: region, value: eu, action: insert }', Telemetry.of('traces', request, 1));
  assert.deepEqual(attributesOf(result), [[['region', 'eu']]]);
});

test('where nothing changes the batch goes on as it is', () => {
  const batch = spanBatch(['a'], { env: 'test' });
  assert.equal(run('{ key: nowhere, action: delete }', batch), batch);
  assert.equal(run('{ pattern: nowhere, action: delete }', batch), batch);
});

test('actions are required', () => {
  assert.throws(() => readYaml(config, ''), /missing required field "attributes"/);
});
