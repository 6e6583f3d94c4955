import type { HeapProfiler, Profiler, Runtime } from 'node:inspector';
import { gzipSync } from 'node:zlib';
import { Line, Location, Function as PprofFunction, Profile, Sample, StringTable, ValueType } from 'pprof-format';

/**
 * V8 profiles in the format that `go tool pprof` reads: gzipped protobuf, stacks with the innermost frame first.
 * Source: https://github.com/google/pprof/blob/main/proto/profile.proto
 */

/** One for each frame; frames that are equal share it. */
class Locations {
  readonly strings = new StringTable();
  readonly locations: Location[] = [];
  readonly functions: PprofFunction[] = [];
  readonly #ids = new Map<string, number>();

  idOf({ functionName, url, lineNumber, columnNumber }: Runtime.CallFrame): number {
    const key = `${functionName}\n${url}:${lineNumber}:${columnNumber}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.locations.length + 1;
    this.#ids.set(key, id);
    const name = this.strings.dedup(functionName === '' ? '(anonymous)' : functionName);
    const filename = this.strings.dedup(url);
    // V8 counts lines from 0 and has -1 for frames without a place
    const line = lineNumber + 1;
    this.functions.push(new PprofFunction({ id, name, systemName: name, filename, startLine: line }));
    this.locations.push(new Location({ id, line: [new Line({ functionId: id, line })] }));
    return id;
  }
}

interface Kind {
  readonly values: readonly (readonly [type: string, unit: string])[];
  readonly period: readonly [type: string, unit: string, size: number];
  readonly durationNanos?: number;
  /** Nanoseconds since the Unix epoch. */
  readonly time: bigint;
}

function encode(kind: Kind, { strings, locations, functions }: Locations, samples: Sample[]): Buffer {
  const valueType = (type: string, unit: string): ValueType =>
    new ValueType({ type: strings.dedup(type), unit: strings.dedup(unit) });
  const [periodType, periodUnit, period] = kind.period;
  const profile = new Profile({
    sampleType: kind.values.map(([type, unit]) => valueType(type, unit)),
    sample: samples,
    location: locations,
    function: functions,
    periodType: valueType(periodType, periodUnit),
    period,
    timeNanos: kind.time,
    durationNanos: kind.durationNanos ?? 0,
    stringTable: strings,
  });
  return gzipSync(profile.encode());
}

/** The time in which there was nothing to do would hide all else. */
const IDLE = '(idle)';

export function encodeCpu(profile: Profiler.Profile, intervalMicros: number, time: bigint): Buffer {
  const table = new Locations();
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  const samples: Sample[] = [];
  for (const [id, [count, micros]] of weights(profile)) {
    if (nodes.get(id)?.callFrame.functionName === IDLE) continue;
    const locationId: number[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = nodes.get(at);
      // the root is not a frame
      if (node !== undefined && parents.has(at)) locationId.push(table.idOf(node.callFrame));
    }
    samples.push(new Sample({ locationId, value: [count, micros * 1000] }));
  }
  const kind: Kind = {
    values: [
      ['samples', 'count'],
      ['cpu', 'nanoseconds'],
    ],
    period: ['cpu', 'nanoseconds', intervalMicros * 1000],
    durationNanos: Math.round((profile.endTime - profile.startTime) * 1000),
    time,
  };
  return encode(kind, table, samples);
}

/** By node: how many samples fell on it, and for how many microseconds it lasted until the next one. */
function weights(profile: Profiler.Profile): Map<number, readonly [count: number, micros: number]> {
  const { samples = [], timeDeltas = [] } = profile;
  const found = new Map<number, readonly [number, number]>();
  for (const [index, id] of samples.entries()) {
    const [count, micros] = found.get(id) ?? [0, 0];
    found.set(id, [count + 1, micros + Math.max(0, timeDeltas[index + 1] ?? 0)]);
  }
  return found;
}

export function encodeHeap(profile: HeapProfiler.SamplingHeapProfile, intervalBytes: number, time: bigint): Buffer {
  const table = new Locations();
  const samples: Sample[] = [];
  const visit = (node: HeapProfiler.SamplingHeapProfileNode, above: readonly number[]): void => {
    const stack = [table.idOf(node.callFrame), ...above];
    if (node.selfSize > 0) samples.push(new Sample({ locationId: stack, value: [node.selfSize] }));
    for (const child of node.children) visit(child, stack);
  };
  for (const child of profile.head.children) visit(child, []);
  return encode(
    { values: [['inuse_space', 'bytes']], period: ['space', 'bytes', intervalBytes], time },
    table,
    samples,
  );
}
