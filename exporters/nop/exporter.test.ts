import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReleased, spanBatch } from '../../core/testing/spans.ts';
import { NopExporter } from './exporter.ts';

test('accepts and lets go', () => {
  const exporter = new NopExporter();
  exporter.start();
  const batch = spanBatch(['a']);
  assert.equal(exporter.consume(batch), undefined);
  assert.equal(isReleased(batch), true);
  exporter.shutdown();
});
