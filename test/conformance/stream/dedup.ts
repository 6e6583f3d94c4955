import { config } from '../../../connectors/dedup/config.ts';
import { dedupConnector } from '../../../connectors/dedup/connector.ts';
import { readYaml } from '../../../core/config/read.ts';
import { decodeTree } from '../../../core/otlp/tree.ts';
import { AlertAttribute } from '../../../core/stream/alert.ts';
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

/** Which record stands for a window is an option, so a case is run once for each. */
const KEEPS = ['first', 'last', 'earliest', 'latest'] as const;

/** Windows over the alerts of a case, which say when the alerts came and which were the first and last. */
export async function run(testCase: StreamCase): Promise<object> {
  const runs = await Promise.all(KEEPS.map((keep) => runOnce(testCase, keep)));
  const [first] = runs as [Run, ...Run[]];
  const firings = first.rows.map((row, i) => {
    const kept = KEEPS.map((keep, k) => [keep, runs[k]?.rows[i]?.id]);
    return { ...row, ...Object.fromEntries(kept) };
  });
  return { firings, late: first.late };
}

interface Run {
  readonly rows: (Record<string, unknown> & { readonly id: string })[];
  readonly late: string[];
}

async function runOnce(testCase: StreamCase, keep: string): Promise<Run> {
  const times = new Times(testCase);
  const { key = [], out_of_orderness_ms: bound = 0, window = { type: 'tumbling' } } = testCase.config;
  const yaml = [
    windowYaml(window),
    `key: [${key.map((name) => `attributes.${name}`).join(', ')}]`,
    `out_of_orderness: ${bound}ms`,
    'max_future: 0s',
    'late_pipeline: logs/late',
    `keep: ${keep}`,
  ].join('\n');
  const outlets = new Outlets('logs', 'logs');
  const connector = dedupConnector(testSettings({ id: 'dedup', kind: 'connector' }), readYaml(config, yaml), outlets);
  const batch = ({ ts, ...fields }: Event, watermarked: boolean): Telemetry => {
    const logRecords = [{ timeUnixNano: times.nanos(ts), attributes: attributesOf(fields) }];
    return batchOf('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }, watermarked);
  };
  const rows: Run['rows'] = [];
  const { size_ms: size = 1, offset_ms: offset = 0 } = window;
  await feed(testCase, times, connector, outlets, batch, (before, now) => {
    for (const record of outlets.results.batches.flatMap(recordsOf)) {
      const earliest = Date.parse(textOf(record.attributes, AlertAttribute.FIRST_TIME));
      const start = Math.floor((earliest - times.in(offset)) / size) * size + times.in(offset);
      rows.push({
        id: textOf(record.attributes, 'id'),
        key: key.map((name) => textOf(record.attributes, name)).join(':'),
        window_start: times.out(start),
        window_end: times.out(start + size),
        count: Number(textOf(record.attributes, AlertAttribute.COUNT)),
        fired_at_watermark: times.out(now),
        is_late_firing: start + size - 1 <= before,
      });
    }
    outlets.results.clear();
  });
  return { rows, late: outlets.late.batches.flatMap(recordsOf).map(({ attributes }) => textOf(attributes, 'id')) };
}

function recordsOf(batch: Telemetry) {
  return decodeTree('logs', batch).resourceLogs.flatMap((resource) =>
    resource.scopeLogs.flatMap(({ logRecords }) => logRecords),
  );
}
