import { DataPointReader } from '../../core/otlp/readers/data-point.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { MetricReader } from '../../core/otlp/readers/metric.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { valueText } from '../../core/otlp/value.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

const groups = new Groups();
const span = new SpanReader();
const log = new LogRecordReader();
const metric = new MetricReader();
const point = new DataPointReader();

/** Reads a scanned batch with the readers, all that they have to say; the number of items. */
export function readEverything(batch: Telemetry): number {
  let items = 0;
  groups.open(batch);
  while (groups.nextResource()) {
    while (groups.nextScope()) {
      while (groups.nextMember()) {
        const { buffer, memberStart, memberEnd } = groups;
        if (batch.signal === 'metrics') items += readMetric(buffer, memberStart, memberEnd);
        else {
          items++;
          touch((batch.signal === 'traces' ? span : log).read(buffer, memberStart, memberEnd));
        }
      }
    }
  }
  return items;
}

function readMetric(buffer: Buffer, start: number, end: number): number {
  let points = 0;
  touch(metric.read(buffer, start, end));
  for (metric.rewind(); metric.nextPoint(); points++) {
    touch(point.read(metric.type, buffer, metric.pointStart, metric.pointEnd));
  }
  return points;
}

/** All that can be asked of a reader without an argument, the lists in it one by one. */
function touch(reader: object): void {
  for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(reader)))) {
    if (get === undefined) continue;
    const value: unknown = Reflect.get(reader, name);
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) continue;
    walk(value as List);
  }
}

interface List {
  next?(): boolean;
  readonly buffer?: Buffer;
  readonly valueStart?: number;
  readonly valueEnd?: number;
}

function walk(list: List): void {
  if (typeof list.next !== 'function') return;
  while (list.next()) {
    const { buffer, valueStart, valueEnd } = list;
    if (buffer !== undefined && valueStart !== undefined && valueEnd !== undefined)
      valueText(buffer, valueStart, valueEnd);
  }
}
