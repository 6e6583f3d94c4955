import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { Rewriter } from '../../../core/otlp/edit/rewriter.ts';
import { decodeJson } from '../../../core/otlp/json/decode.ts';
import { encodeJson } from '../../../core/otlp/json/encode.ts';
import { countItems } from '../../../core/otlp/readers/groups.ts';
import { scanInKernel } from '../../../core/otlp/scan/kernel.ts';
import { MalformedError, scan } from '../../../core/otlp/scan/scan.ts';
import { REQUEST_KIND } from '../../../core/otlp/scan/table.ts';
import { legacy, walkRequest } from '../../../core/otlp/scan/walk.ts';
import { EXPORT_REQUEST } from '../../../core/otlp/schema.ts';
import { split, takeBytes } from '../../../core/otlp/split.ts';
import { decodeTree, encodeTree } from '../../../core/otlp/tree.ts';
import type { Signal } from '../../../core/signal.ts';
import { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { looseRequest, randomRequest } from '../../../core/testing/random-telemetry.ts';
import type { Target } from '../engine.ts';
import { mutateProtobuf } from '../mutate-protobuf.ts';
import { readEverything } from '../read-everything.ts';
import { isRequest, repeatsMessage } from '../reference-scan.ts';

// text as octets, so that what is not UTF-8 can be held against each other
const proto = readFileSync(new URL('../../../core/otlp/testdata/otlp.proto', import.meta.url), 'utf8');
const { root } = protobuf.parse(proto.replaceAll('string ', 'bytes '));
const TYPES = { traces: 'TracesRequest', metrics: 'MetricsRequest', logs: 'LogsRequest' } as const;
const OPTIONS = { longs: String, bytes: String, defaults: true, arrays: true } as const;

const SEEDS = 400;
const LARGEST_SEED = 700;
/** Octets around a request that would be read on as part of it, were its end not respected. */
const FRAME = Buffer.alloc(16, 0xff);
/** What comes behind the scan is most of the work, so all of it is done for one input of so many. */
const ALL_OF_IT = 4;

export function protobufSeeds(signal: Signal): Buffer[] {
  const seeds = Array.from({ length: SEEDS }, (_, i) => (i % 2 === 0 ? looseRequest : randomRequest)(signal, i));
  return seeds.filter((seed) => seed.length > 0 && seed.length < LARGEST_SEED);
}

/** The bytes of a request: scanned three ways, then all that may be done with what passed. */
export function protobufTarget(signal: Signal): Target {
  let count = 0;
  return {
    name: `protobuf-${signal}`,
    seeds: () => protobufSeeds(signal),
    mutate: mutateProtobuf,
    check(input) {
      const buffer = Buffer.concat([FRAME, input, FRAME]);
      const items = scanned(signal, buffer, FRAME.length, FRAME.length + input.length);
      assert.equal(items !== undefined, isRequest(EXPORT_REQUEST[signal], input), 'the verdict of the reference');
      if (items === undefined) return false;
      const batch = new Telemetry(signal, [{ buffer, start: FRAME.length, end: FRAME.length + input.length }], items);
      if (count++ % ALL_OF_IT === 0) workWith(signal, batch, input);
      return true;
    },
  };
}

/** The number of items, where the kernel and the walk in TypeScript agree on it. */
function scanned(signal: Signal, buffer: Buffer, start: number, end: number): number | undefined {
  const outcome = (run: () => number): number | undefined => {
    try {
      return run();
    } catch (error) {
      if (error instanceof MalformedError) return undefined;
      throw error;
    }
  };
  const walked = outcome(() => walkRequest(signal, buffer, start, end));
  const old = legacy;
  const inKernel = scanInKernel(buffer, start, end, REQUEST_KIND[signal]);
  assert.equal(inKernel, walked === undefined || old ? -1 : walked, 'kernel and walk');
  return outcome(() => scan(signal, buffer, start, end));
}

function workWith(signal: Signal, batch: Telemetry, input: Buffer): void {
  const { items } = batch;
  assert.equal(countItems(signal, batch), items, 'items of the readers');
  const tree = decodeTree(signal, batch);
  samesAsPeer(signal, tree, input);
  const encoded = encodeTree(signal, tree);
  assert.equal(scan(signal, encoded, 0, encoded.length), items, 'items of the tree written again');
  assert.equal(readEverything(batch), items, 'items read one by one');
  const untouched = new Rewriter({
    resource: (resource) => void resource.attributes.find(FRAME),
    span: (span) => span.attributes.find(FRAME) < 0,
    log: (log) => log.attributes.find(FRAME) < 0,
    point: () => true,
  }).rewrite(batch);
  assert.equal(untouched, batch);
  const json = encodeJson(batch);
  const again = decodeJson(signal, json);
  assert.equal(again.items, items, 'items after JSON');
  assert.deepEqual(encodeJson({ signal, ranges: [again.range] }), json, 'JSON of what was read from JSON');
  again.range.slab?.release();
  const parts = split(batch, 2);
  assert.equal(sum(parts.map((part) => part.items)), items, 'items of the parts');
  for (const part of parts) {
    assert.ok(part.items <= 2);
    assert.equal(countItems(signal, part), part.items, 'items in a part');
    takeBytes(part, 100);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/**
 * protobufjs reads the same values. It knows nothing of a field of old versions, and refuses tags and lengths that
 * could be shorter, which others accept. A message of a oneof that occurs twice it merges; here the last one stands, as
 * in the collector.
 */
function samesAsPeer(signal: Signal, tree: unknown, input: Buffer): void {
  if (legacy) return;
  const type = root.lookupType(TYPES[signal]);
  let theirs: unknown;
  try {
    theirs = type.toObject(type.decode(input), OPTIONS);
  } catch (error) {
    if (error instanceof Error && /^invalid (?:tag|length) encoding$/.test(error.message)) return;
    throw error;
  }
  try {
    assert.deepEqual(comparable(tree), asText(theirs, tree), 'values of the peer');
  } catch (error) {
    if (!repeatsMessage(EXPORT_REQUEST[signal], input)) throw error;
  }
}

/** 64-bit integers as text, octets as base64, nothing where something is absent. */
function comparable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, v]) => v !== undefined && v !== null);
  return Object.fromEntries(present.map(([key, v]) => [key, comparable(v)]));
}

/** The peer's octets as text where `ours` is text. */
function asText(value: unknown, ours: unknown): unknown {
  if (typeof value === 'string') return typeof ours === 'string' ? Buffer.from(value, 'base64').toString() : value;
  if (Array.isArray(value)) return value.map((v, i) => asText(v, (ours as unknown[] | undefined)?.[i]));
  if (typeof value !== 'object' || value === null) return value;
  const there = (ours ?? {}) as Record<string, unknown>;
  const present = Object.entries(value).filter(([, v]) => v !== null);
  return Object.fromEntries(present.map(([key, v]) => [key, asText(v, there[key])]));
}
