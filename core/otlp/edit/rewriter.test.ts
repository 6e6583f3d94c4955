import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNALS, type Signal } from '../../signal.ts';
import { Telemetry } from '../../telemetry/telemetry.ts';
import { looseRequest, randomTree, seededRandom } from '../../testing/random-telemetry.ts';
import { scan } from '../scan/scan.ts';
import { decodeTree, encodeTree, type KeyValue, type Metric } from '../tree.ts';
import { encodeValue } from '../value-encode.ts';
import type { AttributeEditor } from './attribute-editor.ts';
import type { MessageEditor } from './message-editor.ts';
import { Rewriter, type Visitor } from './rewriter.ts';

const SEEDS = 120;
const KEYS = ['', 'a', 'http.method', 'service.name', 'new', 'x'.repeat(200)];

// biome-ignore lint/suspicious/noExplicitAny: the trees of all signals are walked alike
type Tree = any;

/** One and the same random edits for bytes and for objects: whoever uses it calls the methods in the same order. */
class Edits {
  readonly #random: () => number;
  /** Share of lists that are edited. */
  readonly #share: number;

  constructor(seed: number, share: number) {
    this.#random = seededRandom(seed);
    this.#share = share;
  }

  next(): { action: string; key: string; value: number }[] {
    if (this.#random() >= this.#share) return [];
    return Array.from({ length: 1 + Math.floor(this.#random() * 4) }, () => ({
      action: ['insert', 'update', 'upsert', 'delete'][Math.floor(this.#random() * 4)] as string,
      key: KEYS[Math.floor(this.#random() * KEYS.length)] as string,
      value: Math.floor(this.#random() * 2 ** 40),
    }));
  }

  keep(): boolean {
    return this.#random() >= this.#share / 4;
  }

  onBytes(list: AttributeEditor): void {
    for (const { action, key, value } of this.next()) {
      const [k, v] = [Buffer.from(key), encodeValue(value)];
      if (action === 'insert') list.insert(k, v);
      else if (action === 'update') list.update(k, v);
      else if (action === 'upsert') list.upsert(k, v);
      else list.delete(k);
    }
  }

  onTree(list: KeyValue[]): void {
    for (const { action, key, value } of this.next()) {
      const index = list.findIndex((entry) => entry.key === key);
      const entry = decoded(key, value);
      if (index < 0 && (action === 'insert' || action === 'upsert')) list.push(entry);
      else if (index >= 0 && (action === 'update' || action === 'upsert')) list[index] = entry;
      else if (index >= 0 && action === 'delete') list.splice(index, 1);
    }
  }
}

function decoded(key: string, value: number): KeyValue {
  const scope = {
    name: '',
    version: '',
    droppedAttributesCount: 0,
    attributes: [{ key, value: { intValue: BigInt(value) } }],
  };
  const tree = {
    resourceLogs: [{ resource: undefined, schemaUrl: '', scopeLogs: [{ scope, schemaUrl: '', logRecords: [] }] }],
  };
  const [group] = decodeTree('logs', Telemetry.of('logs', encodeTree('logs', tree), 0)).resourceLogs;
  return group?.scopeLogs[0]?.scope?.attributes[0] as KeyValue;
}

function visitorOf(edits: Edits): Visitor {
  const attributes = (message: MessageEditor) => edits.onBytes(message.attributes);
  const nested = (message: MessageEditor) => {
    attributes(message);
    return edits.keep();
  };
  return {
    resource: attributes,
    scope: attributes,
    span(span) {
      attributes(span);
      span.eachEvent(nested);
      span.eachLink(nested);
      return edits.keep();
    },
    log: nested,
    metric: nested,
    point: nested,
  };
}

const DATA = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;

/** The same visits on objects. */
function editTree(signal: Signal, tree: Tree, edits: Edits): Tree {
  const [groups, scopes, members] = {
    traces: ['resourceSpans', 'scopeSpans', 'spans'],
    metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
    logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  }[signal] as [string, string, string];
  const nested = (message: Tree) => {
    edits.onTree(message.attributes);
    return edits.keep();
  };
  const keepMetric = (metric: Metric): boolean => {
    edits.onTree(metric.metadata);
    if (!edits.keep()) return false;
    const data = DATA.map((name) => metric[name]).find((d) => d !== undefined) as Tree;
    if (data === undefined) return true;
    const before = data.dataPoints.length;
    data.dataPoints = data.dataPoints.filter(nested);
    return before === 0 || data.dataPoints.length > 0;
  };
  const keepSpan = (span: Tree): boolean => {
    edits.onTree(span.attributes);
    span.events = span.events.filter(nested);
    span.links = span.links.filter(nested);
    return edits.keep();
  };
  const keepMember = { traces: keepSpan, metrics: keepMetric, logs: nested }[signal];
  const edit = (holder: Tree, name: string, empty: Tree) => {
    const message = holder[name] ?? empty;
    edits.onTree(message.attributes);
    if (holder[name] !== undefined || message.attributes.length > 0) holder[name] = message;
  };
  /** Keeps what has members left, and what nothing was taken from. */
  const filter = (list: Tree[], keep: (x: Tree) => boolean): [Tree[], boolean] => {
    const kept = list.filter(keep);
    return [kept, kept.length < list.length];
  };
  let lost = false;
  const keepScope = (scope: Tree): boolean => {
    edit(scope, 'scope', { name: '', version: '', attributes: [], droppedAttributesCount: 0 });
    const points = countOf(signal, scope[members]);
    [scope[members]] = filter(scope[members], keepMember);
    const dropped = countOf(signal, scope[members]) < points;
    lost ||= dropped;
    return scope[members].length > 0 || !dropped;
  };
  const keepGroup = (group: Tree): boolean => {
    edit(group, 'resource', { attributes: [], droppedAttributesCount: 0, entityRefs: [] });
    lost = false;
    [group[scopes]] = filter(group[scopes], keepScope);
    return group[scopes].length > 0 || !lost;
  };
  tree[groups] = tree[groups].filter(keepGroup);
  return tree;
}

function countOf(signal: Signal, members: Tree[]): number {
  if (signal !== 'metrics') return members.length;
  return members.flatMap((m) => DATA.flatMap((name) => m[name]?.dataPoints ?? [])).length;
}

for (const signal of SIGNALS) {
  test(`${signal}: edits of bytes equal edits of objects`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const request = looseRequest(signal, seed);
      const share = [0.05, 0.5, 1][seed % 3] as number;
      const batch = Telemetry.of(signal, request, scan(signal, request, 0, request.length));
      const rewritten = new Rewriter(visitorOf(new Edits(seed, share))).rewrite(batch);
      const expected = editTree(signal, randomTree(signal, seed), new Edits(seed, share));
      assert.deepEqual(decodeTree(signal, rewritten), expected, `seed ${seed}`);
      const bytes = rewritten.bytes();
      assert.equal(scan(signal, bytes, 0, bytes.length), rewritten.items);
      if (rewritten !== batch) assert.throws(() => batch.retain(), /after its release/);
    }
  });

  test(`${signal}: a batch that nobody changed is the same object`, () => {
    const request = looseRequest(signal, 7);
    const batch = Telemetry.of(signal, request, 1);
    assert.equal(new Rewriter(visitorOf(new Edits(1, 0))).rewrite(batch), batch);
  });
}
