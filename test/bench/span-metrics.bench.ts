/**
 * Spans counted by `span_metrics`, which finds their series by bytes, beside reading them only, and beside the obvious
 * way: decoded objects and a Map with joined strings as keys. Run: `node test/bench/span-metrics.bench.ts`.
 */
import { config } from '../../connectors/span_metrics/config.ts';
import { SpanMetricsConnector } from '../../connectors/span_metrics/connector.ts';
import { readYaml } from '../../core/config/read.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { nanosPerSpan, report, SPANS, sampleRequest } from './sample-request.ts';

const DIMENSIONS = ['http.request.method', 'http.response.status_code'];
const BOUNDS = [2, 8, 50, 100, 200, 500, 1000, 5000, 10_000];

const batch = Telemetry.of('traces', sampleRequest(), SPANS);
const settings = testSettings({ id: 'span_metrics', kind: 'connector' });
const yaml = `
histogram: { explicit: { buckets: [${BOUNDS.map((ms) => `${ms}ms`).join(', ')}] } }
dimensions: [${DIMENSIONS.map((name) => `{ name: ${name} }`).join(', ')}]
`;
const connector = new SpanMetricsConnector(settings, readYaml(config, yaml), {
  for: () => undefined,
  pipelines: new Map(),
});

const groups = new Groups();
const span = new SpanReader();

function read(): void {
  groups.open(batch);
  while (groups.nextResource()) {
    while (groups.nextScope()) {
      while (groups.nextMember()) span.read(groups.buffer, groups.memberStart, groups.memberEnd);
    }
  }
}

const known = new Map<string, { count: number; sum: number; readonly buckets: number[] }>();

function countObjects(): void {
  for (const { resource, scopeSpans } of decodeTree('traces', batch).resourceSpans) {
    const service = resource?.attributes.find(({ key }) => key === 'service.name')?.value;
    for (const { name, kind, status, attributes, startTimeUnixNano, endTimeUnixNano } of scopeSpans.flatMap(
      (s) => s.spans,
    )) {
      const values = DIMENSIONS.map((wanted) => valueText(attributes.find(({ key }) => key === wanted)?.value));
      const key = [valueText(service), name, kind, status?.code, ...values].join('\0');
      const series = known.get(key) ?? { count: 0, sum: 0, buckets: new Array<number>(BOUNDS.length + 1).fill(0) };
      known.set(key, series);
      const duration = Number(endTimeUnixNano - startTimeUnixNano) / 1e6;
      const bucket = BOUNDS.findIndex((bound) => duration <= bound);
      series.count++;
      series.sum += duration;
      series.buckets[bucket < 0 ? BOUNDS.length : bucket]!++;
    }
  }
}

const reading = nanosPerSpan(read);
const counting = nanosPerSpan(() => connector.consume(batch.retain()));
const objects = nanosPerSpan(countObjects);

report('read only', reading, reading);
report('count, series found by bytes', counting, reading);
report('count, objects and strings', objects, reading);
