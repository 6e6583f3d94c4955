import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { SIGNALS } from '../signal.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { looseRequest, randomRequest } from '../testing/random-telemetry.ts';
import { decodeTree } from './tree.ts';

// protobufjs with a .proto of its own: what it reads out of the same bytes has to be what we read

const SEEDS = 80;
const proto = readFileSync(new URL('testdata/otlp.proto', import.meta.url), 'utf8');
const { root } = protobuf.parse(proto);
const TYPES = { traces: 'TracesRequest', metrics: 'MetricsRequest', logs: 'LogsRequest' } as const;
const OPTIONS = { longs: String, bytes: String, defaults: true, arrays: true } as const;

/** 64-bit integers as text, bytes as base64, nothing where something is absent: as protobufjs is asked to give it. */
function comparable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, v]) => v !== undefined && v !== null);
  return Object.fromEntries(present.map(([key, v]) => [key, comparable(v)]));
}

for (const signal of SIGNALS) {
  test(`${signal}: protobufjs reads the same`, () => {
    const type = root.lookupType(TYPES[signal]);
    for (let seed = 0; seed < SEEDS; seed++) {
      const request = (seed % 2 === 0 ? looseRequest : randomRequest)(signal, seed);
      const theirs = comparable(type.toObject(type.decode(request), OPTIONS));
      assert.deepEqual(comparable(decodeTree(signal, Telemetry.of(signal, request, 0))), theirs, `seed ${seed}`);
    }
  });
}
