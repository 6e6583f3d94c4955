import { config } from '../../../connectors/anomaly/config.ts';
import { anomalyConnector } from '../../../connectors/anomaly/connector.ts';
import { aboutOf } from '../../../connectors/anomaly/partition.ts';
import { config as windowConfig } from '../../../connectors/window/config.ts';
import { windowConnector } from '../../../connectors/window/connector.ts';
import { readYaml } from '../../../core/config/read.ts';
import type { Consumer } from '../../../core/consumer.ts';
import { decodeTree } from '../../../core/otlp/tree.ts';
import { AlertAttribute } from '../../../core/stream/alert.ts';
import type { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { NopHost } from '../../../core/testing/nop-host.ts';
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

/** The rule on the values of a case, or on the averages of windows over them. */
export async function run(testCase: StreamCase): Promise<object> {
  const times = new Times(testCase);
  const { key = [], out_of_orderness_ms: bound = 0, alpha, threshold, window } = testCase.config;
  const keyYaml = `key: [${['metric.name', ...key.map((name) => `attributes.${name}`)].join(', ')}]`;
  const common = [keyYaml, `out_of_orderness: ${bound}ms`, 'max_future: 0s'];
  const yaml = [...common, 'expire_after: 0s', `ewma: {alpha: ${alpha}, threshold: ${threshold}}`].join('\n');
  const outlets = new Outlets('logs', 'metrics');
  const anomaly = anomalyConnector(testSettings({ id: 'anomaly', kind: 'connector' }), readYaml(config, yaml), outlets);

  let entry: typeof anomaly | ReturnType<typeof windowConnector> = anomaly;
  if (window !== undefined) {
    await anomaly.start(new NopHost());
    const pipelines = new Map<string, Consumer>([['metrics/windows', anomaly]]);
    const options = readYaml(windowConfig, [windowYaml(window), ...common].join('\n'));
    const settings = testSettings({ id: 'window', kind: 'connector' });
    entry = windowConnector(settings, options, { for: () => undefined, pipelines });
  }
  let id = '';
  const batch = (event: Event, watermarked: boolean): Telemetry => {
    const { ts, value, ...fields } = event;
    id = event.id;
    const point = { timeUnixNano: times.nanos(ts), asDouble: value, attributes: attributesOf(fields) };
    const metrics = [{ name: 'value', gauge: { dataPoints: [point] } }];
    return batchOf('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }, watermarked);
  };
  const alerts: object[] = [];
  await feed(testCase, times, entry, outlets, batch, () => {
    for (const { timeUnixNano, attributes } of outlets.results.batches.flatMap(recordsOf)) {
      const number = (name: string) => Number(textOf(attributes, name));
      alerts.push({
        key: keyText(textOf(attributes, AlertAttribute.KEY)),
        ...(window === undefined ? { id } : { window_end: times.out(Number(timeUnixNano / 1_000_000n)) }),
        value: number('anomaly.value'),
        baseline: number('anomaly.baseline'),
        variance: number('anomaly.variance'),
      });
    }
    outlets.results.clear();
  });
  const series = [...anomaly.states()].flatMap((state) => [...state.values()]);
  const final = series.map(({ key, baselines: [values, baseline, variance] }) => ({
    ...{ key: keyText(aboutOf(key)), values, baseline, variance },
  }));
  return { alerts, final };
}

/** Without the name of the metric. */
function keyText(about: string): string {
  return about.split(':').slice(1).join(':');
}

function recordsOf(batch: Telemetry) {
  return decodeTree('logs', batch).resourceLogs.flatMap((resource) =>
    resource.scopeLogs.flatMap(({ logRecords }) => logRecords),
  );
}
