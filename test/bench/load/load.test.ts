import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scan } from '../../../core/otlp/scan/scan.ts';
import { decodeTree } from '../../../core/otlp/tree.ts';
import { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { count, noTotals } from './count.ts';
import { idSum, numberSpans, templates } from './payload.ts';

test('the load is valid OTLP of the promised size, and the sink adds up what was sent', () => {
  const totals = noTotals();
  let sum = 0;
  for (const [i, template] of templates(8, 100).entries()) {
    const { buffer } = template;
    numberSpans(template, i + 1);
    assert.equal(scan('traces', buffer, 0, buffer.length), 100);
    assert.ok(buffer.length / 100 > 400 && buffer.length / 100 < 460, `${buffer.length / 100} bytes a span`);
    count(buffer, 0, buffer.length, totals);
    sum += idSum(i + 1, 100);
  }
  assert.deepEqual(totals, { requests: 8, spans: 800, idSum: sum, bad: 0 });
});

test('requests share no trace, and what a trace has is in one request', () => {
  const traces = (number: number) => {
    const [template] = templates(1, 16);
    numberSpans(template!, number);
    const { resourceSpans } = decodeTree('traces', Telemetry.of('traces', template!.buffer, 16));
    const spans = resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans));
    return new Set(spans.map((span) => span.traceId.toString('hex')));
  };
  const [first, second] = [traces(1), traces(2)];
  assert.equal(first.size, 2);
  assert.equal(new Set([...first, ...second]).size, 4);
});

test('a lost, doubled or exchanged span shows', () => {
  const sums = new Set<number>();
  for (const numbers of [[1, 2], [1, 1], [2, 2], [1, 3], [1]]) {
    const totals = noTotals();
    for (const number of numbers) {
      const [template] = templates(1, 10);
      numberSpans(template!, number);
      count(template!.buffer, 0, template!.buffer.length, totals);
    }
    sums.add(totals.idSum);
  }
  assert.equal(sums.size, 5);
});

test('a request that is cut off is bad', () => {
  const totals = noTotals();
  const [template] = templates(1, 10);
  count(template!.buffer, 0, template!.buffer.length - 5, totals);
  assert.equal(totals.bad, 1);
});
