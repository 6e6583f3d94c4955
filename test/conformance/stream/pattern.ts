import { config } from '../../../connectors/pattern/config.ts';
import { patternConnector } from '../../../connectors/pattern/connector.ts';
import { readYaml } from '../../../core/config/read.ts';
import { decodeTree, type KeyValue } from '../../../core/otlp/tree.ts';
import { AlertAttribute } from '../../../core/stream/alert.ts';
import type { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { testSettings } from '../../../core/testing/settings.ts';
import { attributesOf, batchOf, type Event, feed, Outlets, type StreamCase, Times, textOf } from './harness.ts';

/** A pattern of a case. */
export interface PatternOfCase {
  readonly key?: readonly string[];
  readonly pattern: readonly Readonly<Record<string, unknown>>[];
  readonly within_ms?: number;
  readonly within_type?: string;
  readonly after_match_skip?: unknown;
}

interface Row {
  readonly alertType: string;
  readonly isTimeout: boolean;
  readonly key: string;
  readonly ts: number | 'end';
  readonly emitted_at_watermark: number | 'end';
  readonly groups: Record<string, string[]>;
}

/** Recorded runs were not limited. */
const LIMITS = { max_partial_matches: 1_000_000, max_buffered_events: 1_000_000 };

export async function run(testCase: StreamCase): Promise<object> {
  const { rows, late } = await runPatterns(
    testCase,
    { case: testCase.config as unknown as PatternOfCase },
    { timeouts: true },
  );
  const part = (timeouts: boolean) =>
    rows.flatMap(({ alertType: _, isTimeout, ...row }) => (isTimeout === timeouts ? [row] : []));
  return { matches: part(false), timeouts: part(true), late };
}

/** Gets the alerts of each step of a case, with how far event time was before it and is now. */
type Tap = (batches: readonly Telemetry[], before: number, now: number) => void;

/** What patterns, by the type of their alerts, come to. */
export async function runPatterns(
  testCase: StreamCase,
  patterns: Readonly<Record<string, PatternOfCase>>,
  { timeouts, tap }: { timeouts: boolean; tap?: Tap },
): Promise<{ rows: Row[]; late: string[] }> {
  const times = new Times(testCase);
  const options = {
    ...LIMITS,
    patterns: Object.fromEntries(
      Object.entries(patterns).map(([type, pattern]) => [type, optionsOf(type, pattern, timeouts)]),
    ),
    out_of_orderness: `${testCase.config.out_of_orderness_ms ?? 0}ms`,
    max_future: '0s',
    late_pipeline: 'logs/late',
  };
  const outlets = new Outlets('logs', 'logs');
  const settings = testSettings({ id: 'pattern', kind: 'connector' });
  const connector = patternConnector(settings, readYaml(config, JSON.stringify(options)), outlets);
  const batch = ({ ts, ...fields }: Event, watermarked: boolean): Telemetry => {
    const logRecords = [{ timeUnixNano: times.nanos(ts), attributes: attributesOf(fields) }];
    return batchOf('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }, watermarked);
  };
  const rows: Row[] = [];
  await feed(testCase, times, connector, outlets, batch, (before, now) => {
    tap?.(outlets.results.batches, before, now);
    for (const record of outlets.results.batches.flatMap(recordsOf)) rows.push(rowOf(record, times, now));
    outlets.results.clear();
  });
  return { rows, late: outlets.late.batches.flatMap(recordsOf).map(({ attributes }) => textOf(attributes, 'id')) };
}

function rowOf({ attributes, timeUnixNano }: LogRecord, times: Times, watermark: number): Row {
  const time = Number(timeUnixNano / 1_000_000n);
  const atEnd = textOf(attributes, 'alert.end_of_input') === 'true';
  return {
    alertType: textOf(attributes, AlertAttribute.TYPE),
    isTimeout: textOf(attributes, 'alert.timeout') === 'true',
    key: textOf(attributes, AlertAttribute.KEY),
    ts: times.out(atEnd ? Number.POSITIVE_INFINITY : time),
    emitted_at_watermark: times.out(watermark),
    groups: JSON.parse(textOf(attributes, 'alert.steps')),
  };
}

/** Fields of a case are attributes; `type` is that of the alerts. */
function optionsOf(type: string, pattern: PatternOfCase, timeouts: boolean): object {
  const { key = [], pattern: steps, within_ms, within_type, after_match_skip } = pattern;
  return {
    key: key.map((name) => `attributes.${name}`),
    steps: steps.map(({ within_ms: limit, where, until, ...step }) => ({
      ...step,
      ...(where === undefined ? {} : { where: whereOf(where) }),
      ...(until === undefined ? {} : { until: whereOf(until) }),
      ...(limit === undefined ? {} : { within: `${limit}ms` }),
    })),
    ...(within_ms === undefined ? {} : { within: `${within_ms}ms` }),
    ...(within_type === undefined ? {} : { within_type }),
    ...(after_match_skip === undefined ? {} : { after_match_skip }),
    event_id: 'attributes.id',
    alert: { type },
    ...(timeouts ? { timeout_alert: { type } } : {}),
  };
}

function whereOf(where: unknown): unknown {
  const { field, all, any, ...rest } = where as { field?: string; all?: unknown[]; any?: unknown[] };
  if (all !== undefined) return { all: all.map(whereOf) };
  return any === undefined ? { ...rest, field: `attributes.${field}` } : { any: any.map(whereOf) };
}

interface LogRecord {
  readonly attributes: readonly KeyValue[];
  readonly timeUnixNano: bigint;
}

export function recordsOf(batch: Telemetry): readonly LogRecord[] {
  return decodeTree('logs', batch).resourceLogs.flatMap((resource) =>
    resource.scopeLogs.flatMap(({ logRecords }) => logRecords),
  );
}
