import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SIGNALS, type Signal } from '../../signal.ts';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { looseRequest, randomRequest, seededRandom } from '../../testing/random-telemetry.ts';
import { Rewriter } from '../edit/rewriter.ts';
import { countItems } from '../readers/groups.ts';
import { split } from '../split.ts';
import { decodeTree, encodeTree } from '../tree.ts';
import { skipField } from '../wire.ts';
import { LARGEST_REQUEST, scanInKernel } from './kernel.ts';
import { MalformedError, scan } from './scan.ts';
import { REQUEST_KIND } from './table.ts';
import { legacy, walkRequest } from './walk.ts';

/** Bytes around a request that would be read on as part of it, were its end not respected. */
const FRAME = Buffer.alloc(16, 0xff);

interface Verdict {
  readonly name?: string;
  readonly signal: Signal;
  /** base64 */
  readonly bytes: string;
  /** Absent where it was refused. */
  readonly items?: number;
}

/** Recorded from the decoder of the collector (pdata 1.61, otelcol 0.155). */
const VERDICTS = JSON.parse(readFileSync(new URL('../testdata/verdicts.json', import.meta.url), 'utf8')) as Verdict[];

/** The collector accepts these; we refuse them. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'unknown empty group': 'it refuses groups with anything in them, so no writer can rely on groups',
  'length over 64 bits': 'it drops the bits that are too many, which makes another length of it',
  'field number 2^29': 'not a field number in protobuf',
};

function outcome(run: () => number): number | undefined {
  try {
    return run();
  } catch (error) {
    assert.ok(error instanceof MalformedError, String(error));
    return undefined;
  }
}

function framed(request: Buffer): { buffer: Buffer; start: number; end: number } {
  return { buffer: Buffer.concat([FRAME, request, FRAME]), start: FRAME.length, end: FRAME.length + request.length };
}

/** The kernel and the walk say the same; what passes can be read, decoded, split and rewritten. */
function examine(signal: Signal, request: Buffer): number | undefined {
  const { buffer, start, end } = framed(request);
  const items = outcome(() => scan(signal, buffer, start, end));
  const walked = outcome(() => walkRequest(signal, buffer, start, end));
  const inKernel = scanInKernel(buffer, start, end, REQUEST_KIND[signal]);
  assert.equal(inKernel, walked === undefined || legacy ? -1 : walked);
  if (items === undefined) return undefined;
  const batch = new Telemetry(signal, [{ buffer, start, end }], items);
  const tree = decodeTree(signal, batch);
  assert.equal(countItems(signal, batch), items);
  const encoded = encodeTree(signal, tree);
  assert.equal(scan(signal, encoded, 0, encoded.length), items);
  const keepAll = () => true;
  const touched = new Rewriter({
    resource: (resource) => void resource.attributes.find(FRAME),
    span: (span) => span.attributes.find(FRAME) < 0,
    log: (log) => log.attributes.find(FRAME) < 0,
    point: keepAll,
  }).rewrite(batch);
  assert.equal(touched, batch);
  const parts = split(batch, 2);
  assert.equal(
    parts.reduce((sum, part) => sum + countItems(signal, part), 0),
    items,
  );
  return items;
}

test('accepts and refuses what the collector does', () => {
  const differences = new Set<string>();
  for (const { name = 'mutation', signal, bytes, items } of VERDICTS) {
    const request = Buffer.from(bytes, 'base64');
    const ours = examine(signal, request);
    if (ours !== items) differences.add(name);
    if (ours !== items) assert.equal(ours, undefined, `${name}: accepted`);
  }
  assert.deepEqual([...differences].sort(), Object.keys(DIFFERENCES).sort());
});

test('a request cut off anywhere is refused, unless it is cut between two of its fields', () => {
  for (const signal of SIGNALS) {
    for (const seed of [12, 14]) {
      const request = looseRequest(signal, seed);
      const ends = new Set([0]);
      for (let position = 0; position < request.length; ends.add(position)) position = skipField(request, position);
      for (let length = 0; length <= request.length; length++) {
        const { buffer, start, end } = framed(request.subarray(0, length));
        const items = outcome(() => scan(signal, buffer, start, end));
        assert.equal(items !== undefined, ends.has(length), `${signal}, seed ${seed}, ${length} bytes`);
      }
    }
  }
});

/** Mutations in all; the seed of a failing one is in the message. */
const MUTATIONS = 20_000;

test('random mutations are refused, or what passes can be worked with', () => {
  const random = seededRandom(1);
  const below = (n: number) => Math.floor(random() * n);
  const requests = Array.from({ length: 60 }, (_, i) => {
    const signal = SIGNALS[i % SIGNALS.length] as Signal;
    return { signal, request: (i % 2 === 0 ? looseRequest : randomRequest)(signal, i) };
  });
  let accepted = 0;
  for (let i = 0; i < MUTATIONS; i++) {
    const { signal, request } = requests[i % requests.length] as (typeof requests)[0];
    const changed = Buffer.from(request.subarray(0, random() < 0.1 ? below(request.length) : request.length));
    for (let n = 1 + below(3); n > 0 && changed.length > 0; n--) {
      if (random() < 0.5) changed[below(changed.length)] = below(256);
      else (changed[below(changed.length)] as number) ^= 1 << below(8);
    }
    try {
      // most of the work is behind the scan, so all of it is done for a part only
      if (i % 8 === 0) accepted += examine(signal, changed) === undefined ? 0 : 1;
      else agree(signal, changed);
    } catch (error) {
      throw new Error(`mutation ${i}: ${changed.toString('hex')}`, { cause: error });
    }
  }
  assert.ok(accepted > 100, `only ${accepted} were accepted`);
});

function agree(signal: Signal, request: Buffer): void {
  const { buffer, start, end } = framed(request);
  const walked = outcome(() => walkRequest(signal, buffer, start, end));
  const inKernel = scanInKernel(buffer, start, end, REQUEST_KIND[signal]);
  assert.equal(inKernel, walked === undefined || legacy ? -1 : walked);
}

test('a refusal names the place, the message and the reason', () => {
  const cases: [number[], RegExp][] = [
    [[0x0a, 2, 0x12, 5], /^malformed traces request at byte 2: a field reaches beyond the end of its message$/],
    [[0x0a, 0, 0x0a, 4, 0x12, 2, 0x12, 0x01], /at byte 6: a field reaches beyond/],
    [[0x0a, 6, 0x12, 4, 0x12, 2, 0x28, 1], /at byte 6: Span.name has wire type 0, expected 2$/],
    [[0x0a, 7, 0x12, 5, 0x12, 3, 0x0a, 1, 9], /at byte 6: trace id of 1 bytes, expected 16 or none$/],
    [[0x0b], /at byte 0: ExportTraceServiceRequest.resource_spans has wire type 3, expected 2$/],
    [[0x00], /at byte 0: field number 0$/],
  ];
  for (const [bytes, message] of cases) {
    const { buffer, start, end } = framed(Buffer.from(bytes));
    assert.throws(() => scan('traces', buffer, start, end), { message });
  }
});

test('a request larger than the memory of the kernel is walked in TypeScript', () => {
  const name = Buffer.alloc(LARGEST_REQUEST, 0x61);
  const tree = decodeTree('traces', Telemetry.of('traces', Buffer.from([0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 0]), 1));
  const [span] = tree.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  assert.ok(span);
  span.name = name.toString();
  const request = encodeTree('traces', tree);
  assert.ok(request.length > LARGEST_REQUEST);
  assert.equal(scan('traces', request, 0, request.length), 1);
  assert.throws(() => scan('traces', request, 0, request.length - 1), MalformedError);
});
