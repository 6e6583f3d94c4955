import { config } from '../../../connectors/window/config.ts';
import { windowConnector } from '../../../connectors/window/connector.ts';
import { readYaml } from '../../../core/config/read.ts';
import { decodeTree } from '../../../core/otlp/tree.ts';
import type { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { testSettings } from '../../../core/testing/settings.ts';
import {
  attributesOf,
  batchOf,
  type Event,
  feed,
  Outlets,
  type StreamCase,
  Times,
  textOf,
  windowYaml,
} from './harness.ts';

const NANOS_PER_MILLI = 1_000_000n;

type Row = { readonly window_end: number | 'end' } & Readonly<Record<string, unknown>>;

/** Windows over the numbers of a case. */
export async function run(testCase: StreamCase): Promise<object> {
  const times = new Times(testCase);
  const { key = [], out_of_orderness_ms: bound = 0, window = { type: 'tumbling' } } = testCase.config;
  const names = key.map((name) => `attributes.${name}`);
  const yaml = [
    windowYaml(window),
    `key: [${['metric.name', ...names].join(', ')}]`,
    `out_of_orderness: ${bound}ms`,
    'max_future: 0s',
    'late_pipeline: metrics/late',
    'statistics: [min, max, p95, p99]',
  ].join('\n');
  const outlets = new Outlets('metrics', 'metrics');
  const settings = testSettings({ id: 'window', kind: 'connector' });
  const connector = windowConnector(settings, readYaml(config, yaml), outlets);

  const batch = (event: Event, watermarked: boolean): Telemetry => {
    const { id, ts, value, ...fields } = event;
    const point = { timeUnixNano: times.nanos(ts), asDouble: value, attributes: attributesOf({ ...fields, id }) };
    const metrics = [{ name: 'value', gauge: { dataPoints: [point] } }];
    return batchOf('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }, watermarked);
  };
  const firings: object[] = [];
  await feed(testCase, times, connector, outlets, batch, (before, now) => {
    for (const result of outlets.results.batches) {
      for (const row of rowsOf(result, key, times)) {
        const late = times.in(row.window_end as number) - 1 <= before;
        firings.push({ ...row, fired_at_watermark: times.out(now), is_late_firing: late });
      }
    }
    outlets.results.clear();
  });
  return { firings, late: outlets.late.batches.flatMap(idsOf) };
}

function rowsOf(batch: Telemetry, key: readonly string[], times: Times): Row[] {
  return summaryPoints(batch).map((point) => {
    const at = (quantile: number) => point.quantileValues.find((one) => one.quantile === quantile)?.value ?? 0;
    const count = Number(point.count);
    return {
      key: key.map((name) => textOf(point.attributes, name)).join(':'),
      window_start: times.out(Number(point.startTimeUnixNano / NANOS_PER_MILLI)),
      window_end: times.out(Number(point.timeUnixNano / NANOS_PER_MILLI)),
      ...{ count, sum: point.sum, avg: point.sum / count, min: at(0), max: at(1) },
      p95_nearest: at(0.95),
      p99_nearest: at(0.99),
    };
  });
}

function summaryPoints(batch: Telemetry) {
  return metricsOf(batch).flatMap(({ summary }) => summary?.dataPoints ?? []);
}

function idsOf(batch: Telemetry): string[] {
  return metricsOf(batch).flatMap(({ gauge }) => (gauge?.dataPoints ?? []).map((one) => textOf(one.attributes, 'id')));
}

function metricsOf(batch: Telemetry) {
  return decodeTree('metrics', batch).resourceMetrics.flatMap((resource) =>
    resource.scopeMetrics.flatMap((scope) => scope.metrics),
  );
}
