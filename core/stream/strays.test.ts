import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scan } from '../otlp/scan/scan.ts';
import { decodeTree } from '../otlp/tree.ts';
import { SIGNALS, type Signal } from '../signal.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { randomRequest } from '../testing/random-telemetry.ts';
import { Strays } from './strays.ts';

function batchOf(signal: Signal, seed: number): Telemetry {
  const bytes = randomRequest(signal, seed);
  return Telemetry.of(signal, bytes, scan(signal, bytes, 0, bytes.length));
}

/** Every item with the resource, scope and metric that it is of. */
function itemsOf(signal: Signal, batch: Telemetry): unknown[] {
  if (signal === 'traces') {
    return decodeTree('traces', batch).resourceSpans.flatMap(({ scopeSpans, ...resource }) =>
      scopeSpans.flatMap(({ spans, ...scope }) => spans.map((span) => [resource, scope, span])),
    );
  }
  if (signal === 'logs') {
    return decodeTree('logs', batch).resourceLogs.flatMap(({ scopeLogs, ...resource }) =>
      scopeLogs.flatMap(({ logRecords, ...scope }) => logRecords.map((record) => [resource, scope, record])),
    );
  }
  return decodeTree('metrics', batch).resourceMetrics.flatMap(({ scopeMetrics, ...resource }) =>
    scopeMetrics.flatMap(({ metrics, ...scope }) =>
      metrics.flatMap(({ gauge, sum, histogram, exponentialHistogram, summary, ...metric }) =>
        [gauge, sum, histogram, exponentialHistogram, summary].flatMap((data) =>
          (data?.dataPoints ?? []).map((point) => [resource, scope, metric, point]),
        ),
      ),
    ),
  );
}

for (const signal of SIGNALS) {
  test(`${signal}: what was marked comes out as it was, with its resource and scope, and nothing else`, () => {
    const strays = new Strays();
    let marked = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const batch = batchOf(signal, seed);
      const items = itemsOf(signal, batch);
      assert.equal(items.length, batch.items);
      strays.begin();
      const expected = items.filter((_, i) => {
        strays.next();
        const isStray = (i * 7 + seed) % 3 === 0;
        if (isStray) strays.mark();
        return isStray;
      });
      assert.equal(strays.count, expected.length);
      marked += expected.length;
      const taken = strays.take(batch);
      assert.equal(taken.items, expected.length);
      assert.deepEqual(itemsOf(signal, taken), expected, `seed ${seed}`);
    }
    assert.ok(marked > 50);
  });
}
