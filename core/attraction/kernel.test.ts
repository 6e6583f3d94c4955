import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { Rewriter, type Visitor } from '../otlp/edit/rewriter.ts';
import { LogTag } from '../otlp/readers/log-record.ts';
import { SpanTag } from '../otlp/readers/span.ts';
import { scan } from '../otlp/scan/scan.ts';
import { decodeTree, encodeTree } from '../otlp/tree.ts';
import { encodeValue, type PlainValue } from '../otlp/value-encode.ts';
import type { Signal } from '../signal.ts';
import { EMPTY_CONTEXT } from '../telemetry/context.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { looseRequest, randomTree, seededRandom } from '../testing/random-telemetry.ts';
import { TestLogger } from '../testing/settings.ts';
import { isReleased } from '../testing/spans.ts';
import { AttributeActions } from './actions.ts';
import type { ActionConfig } from './config.ts';
import { KernelActions, OF_RESOURCES } from './kernel.ts';

const SEEDS = 400;
const VALUES: readonly PlainValue[] = ['', 'x', 'y'.repeat(200), 7, -1.5, true, ['a', 1], { k: 'v' }];
const ITEM_TAGS = { traces: SpanTag.ATTRIBUTES, logs: LogTag.ATTRIBUTES };

function action(parts: Partial<ActionConfig>): ActionConfig {
  const none = { key: '', action: '', pattern: '', from_attribute: '', from_context: '', converted_type: '' };
  return { ...none, value: undefined, default_value: undefined, ...parts };
}

/** Keys that occur in the telemetry, and some that do not. */
function keysOf(tree: unknown): string[] {
  const keys = [...JSON.stringify(tree, withoutBigints).matchAll(/"key":("(?:[^"\\]|\\.)*")/g)];
  return ['new', 'newer', ...keys.map(([, key]) => JSON.parse(key as string) as string)].filter((key) => key !== '');
}

const withoutBigints = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

function randomActions(random: () => number, keys: readonly string[]): ActionConfig[] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  return Array.from({ length: 1 + Math.floor(random() * 5) }, () => {
    const kind = pick(['insert', 'update', 'upsert', 'delete', 'hash']);
    const key = pick(keys);
    if (kind === 'delete' || kind === 'hash') return action({ key, action: kind });
    const plain = pick(VALUES);
    const value = { plain, encoded: encodeValue(plain) };
    if (random() < 0.5) return action({ key, action: kind, value });
    const fallback = random() < 0.5 ? { default_value: value } : {};
    return action({ key, action: kind, from_attribute: pick(keys), ...fallback });
  });
}

function visitorOf(actions: AttributeActions, ofResources: boolean): Visitor {
  const apply = ({ attributes }: { attributes: Parameters<AttributeActions['apply']>[0] }) => {
    actions.apply(attributes);
    return true;
  };
  return ofResources ? { resource: apply } : { span: apply, log: apply };
}

function compare(signal: 'traces' | 'logs', request: Buffer, seed: number): boolean {
  const random = seededRandom(seed);
  const batch = Telemetry.of(signal, request, scan(signal, request, 0, request.length));
  const configs = randomActions(random, keysOf(decodeTree(signal, batch)));
  const ofResources = random() < 0.3;
  const actions = new AttributeActions(configs, new TestLogger());
  actions.begin(EMPTY_CONTEXT);
  const expected = new Rewriter(visitorOf(actions, ofResources)).rewrite(batch.retain());
  const edited = KernelActions.of(configs, ofResources ? OF_RESOURCES : ITEM_TAGS[signal])?.edit(batch);
  if (edited === undefined) return false;
  scan(signal, edited.bytes(), 0, edited.byteLength);
  assert.deepEqual(decodeTree(signal, edited), decodeTree(signal, expected), `seed ${seed}`);
  assert.equal(edited.items, expected.items);
  return true;
}

/** Without what only profiles have, which makes the kernel leave a request to the steps. */
function plainRequest(signal: 'traces' | 'logs', seed: number): Buffer {
  const tree = randomTree(signal, seed);
  const visit = (node: object) => {
    delete (node as { keyStrindex?: number }).keyStrindex;
    for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) visit(child);
  };
  visit(tree);
  return encodeTree(signal, tree);
}

test('the kernel does what the steps do', () => {
  let done = 0;
  let odd = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const signal of ['traces', 'logs'] as const) {
      if (compare(signal, plainRequest(signal, seed), seed)) done++;
      if (compare(signal, looseRequest(signal, seed), seed)) odd++;
    }
  }
  assert.ok(done > SEEDS, `${done} canonical requests were compared`);
  assert.ok(odd > 0, `${odd} odd requests were compared`);
});

/** A request with one span with these attributes. */
function spanRequest(attributes: readonly (readonly [string, PlainValue])[]): Buffer {
  const field = (tag: number, bytes: Buffer) => {
    const length: number[] = [];
    for (let rest = bytes.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
  };
  const entries = attributes.map(([key, value]) =>
    field(0x4a, Buffer.concat([field(0x0a, Buffer.from(key)), field(0x12, encodeValue(value))])),
  );
  return field(0x0a, field(0x12, field(0x12, Buffer.concat(entries))));
}

function attributesOf(signal: Signal, batch: Telemetry) {
  const tree = decodeTree(signal as 'traces', batch);
  return tree.resourceSpans[0]?.scopeSpans[0]?.spans[0]?.attributes;
}

test('texts of every length are hashed', () => {
  const kernel = KernelActions.of([action({ key: 'k', action: 'hash' })], SpanTag.ATTRIBUTES);
  for (let length = 0; length < 260; length++) {
    const text = 'é'.repeat(length).slice(0, length);
    const edited = kernel?.edit(Telemetry.of('traces', spanRequest([['k', text]]), 1)) as Telemetry;
    assert.equal(attributesOf('traces', edited)?.[0]?.value?.stringValue, hash('sha256', text, 'hex'), `${length}`);
  }
});

test('messages that grow past a length of one byte are whole', () => {
  const value = { plain: '', encoded: encodeValue('v'.repeat(100)) };
  const kernel = KernelActions.of([action({ key: 'new', action: 'insert', value })], SpanTag.ATTRIBUTES);
  for (let length = 0; length < 140; length++) {
    const request = spanRequest([['a', 'x'.repeat(length)]]);
    const edited = kernel?.edit(Telemetry.of('traces', request, 1)) as Telemetry;
    assert.equal(scan('traces', edited.bytes(), 0, edited.byteLength), 1);
    assert.equal(attributesOf('traces', edited)?.length, 2);
  }
});

test('what is too large or too much is left to the steps, and nothing is lost', () => {
  const kernel = KernelActions.of([action({ key: 'a0', action: 'hash' })], SpanTag.ATTRIBUTES);
  const many = Array.from({ length: 500 }, (_, i) => [`a${i}`, 'x'] as const);
  const long = [
    ['a0', 'x'],
    ['b', 'x'.repeat(5 << 20)],
  ] as const;
  for (const attributes of [many, long]) {
    const batch = Telemetry.of('traces', spanRequest(attributes), 1);
    assert.equal(kernel?.edit(batch), undefined);
    assert.equal(isReleased(batch), false);
  }
  const value = { plain: '', encoded: encodeValue('v'.repeat(10_000)) };
  assert.equal(KernelActions.of([action({ key: 'k', action: 'insert', value })], SpanTag.ATTRIBUTES), undefined);
});

test('of several ranges only what changed is new; the batch is given up', () => {
  const kernel = KernelActions.of([action({ key: 'k', action: 'delete' })], SpanTag.ATTRIBUTES);
  const ranges = [spanRequest([['k', 1]]), spanRequest([['other', 1]])].map((buffer) => ({
    buffer,
    start: 0,
    end: buffer.length,
  }));
  const batch = new Telemetry('traces', ranges, 2);
  const edited = kernel?.edit(batch) as Telemetry;
  assert.equal(edited.ranges[1]?.buffer, ranges[1]?.buffer);
  assert.notEqual(edited.ranges[0]?.buffer, ranges[0]?.buffer);
  assert.equal(isReleased(batch), true);
  edited.release();
});
