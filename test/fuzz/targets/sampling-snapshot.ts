import assert from 'node:assert/strict';
import { readYaml } from '../../../core/config/read.ts';
import { decodeJson } from '../../../core/otlp/json/decode.ts';
import { Groups } from '../../../core/otlp/readers/groups.ts';
import { scan } from '../../../core/otlp/scan/scan.ts';
import { EMPTY_CONTEXT } from '../../../core/telemetry/context.ts';
import { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { testSettings } from '../../../core/testing/settings.ts';
import { Audit } from '../../../processors/tail_sampling/audit.ts';
import { config } from '../../../processors/tail_sampling/config.ts';
import { TailSamplingMetrics } from '../../../processors/tail_sampling/metrics.ts';
import { compilePolicies } from '../../../processors/tail_sampling/policies/compile.ts';
import { TailSampler } from '../../../processors/tail_sampling/sampler.ts';
import { SNAPSHOT_VERSION, Snapshots } from '../../../processors/tail_sampling/snapshots.ts';
import type { Target } from '../engine.ts';

const DAMAGED = /^the snapshot is damaged/;
/** The first byte of an input says which of them the rest is. */
const NAMES = ['clock', 'traces/0', 'outbox', 'sampled/0', 'others/0'];

const settings = testSettings();
const options = readYaml(
  config,
  `
decision_cache: { sampled_cache_size: 5, non_sampled_cache_size: 5 }
num_traces: 20
policies:
  - { name: errors, type: status_code, status_code: { status_codes: [ERROR] } }
  - { name: slow, type: latency, latency: { threshold_ms: 1 } }
  - { name: keyed, type: string_attribute, string_attribute: { key: k, values: [v] } }
`,
);
const { policies } = compilePolicies(options, settings.clock);
const names = policies.map(({ name }) => name);
const reports = { audit: new Audit(settings.clock, names), metrics: new TailSamplingMetrics(settings, names) };

function made() {
  const sampler = new TailSampler(settings, options, policies, reports);
  return { sampler, snapshots: new Snapshots(sampler.ledger, settings.clock, names) };
}

function spans(...ids: readonly number[]): Telemetry {
  const list = ids.map((id) => ({
    traceId: id.toString(16).padStart(32, '0'),
    name: `span ${id}`,
    startTimeUnixNano: '1000',
    endTimeUnixNano: '5000000',
    attributes: [{ key: 'k', value: { stringValue: id % 2 === 0 ? 'v' : 'w' } }],
    status: { code: id % 3 },
  }));
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 's' } }] };
  const request = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'l' }, spans: list }] }] };
  const { bytes, items } = decodeJson('traces', Buffer.from(JSON.stringify(request)));
  return Telemetry.of('traces', bytes, items);
}

/** What a partition has in a snapshot: decisions, traces that wait, and spans that were not accepted. */
function valid(): Map<string, Buffer> {
  const { sampler, snapshots } = made();
  const groups = new Groups();
  sampler.take(spans(1, 2, 3, 4, 5), groups);
  sampler.ledger.traces.batches.advanceToEnd();
  while (sampler.decideNext() !== undefined) {}
  const sampled = sampler.ledger.outbox.take();
  sampler.take(spans(6, 7, 8, 6), groups);
  return allOf(snapshots, sampled === undefined ? [] : [sampled]);
}

function allOf(snapshots: Snapshots, waiting: readonly Telemetry[]): Map<string, Buffer> {
  return new Map(
    [...snapshots.take('all', waiting)].flatMap(([name, bytes]) => (bytes === undefined ? [] : [[name, bytes]])),
  );
}

/** The same from a partition that goes on from there. */
function takenUp(entries: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  const { snapshots } = made();
  return allOf(snapshots, snapshots.restore(entries, SNAPSHOT_VERSION, EMPTY_CONTEXT));
}

const VALID = valid();

/** State of tail_sampling: damaged, or traces that can be decided, and are written the same way again. */
export const samplingSnapshot: Target = {
  name: 'sampling-snapshot',
  seeds: () => NAMES.map((name, i) => Buffer.concat([Buffer.from([i]), VALID.get(name) ?? Buffer.alloc(0)])),
  check(input) {
    const name = NAMES[(input[0] ?? 0) % NAMES.length] as string;
    const entries = new Map([...VALID, [name, input.subarray(1)]]);
    const first = made();
    try {
      const waiting = first.snapshots.restore(entries, SNAPSHOT_VERSION, EMPTY_CONTEXT);
      const once = takenUp(allOf(first.snapshots, waiting));
      assert.deepEqual(takenUp(once), once, 'written again');
    } catch (error) {
      if (error instanceof Error && DAMAGED.test(error.message)) return false;
      throw error;
    }
    const { ledger } = first.sampler;
    first.sampler.take(spans(1, 6, 9), new Groups());
    ledger.traces.batches.advanceToEnd();
    while (first.sampler.decideNext() !== undefined) {}
    assert.equal(ledger.pending, 0, 'all are decided');
    const sampled = ledger.outbox.take();
    for (const { buffer, start, end } of sampled?.ranges ?? []) scan('traces', buffer, start, end);
    sampled?.release();
    return true;
  },
};
