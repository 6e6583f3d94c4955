import { createHash } from 'node:crypto';
import { type Member, regroup } from '../../core/otlp/edit/regroup.ts';
import { Attributes } from '../../core/otlp/readers/attributes.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { countPoints, MetricReader } from '../../core/otlp/readers/metric.ts';
import { RESOURCE_ATTRIBUTES } from '../../core/otlp/readers/scope.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { ValueReader, ValueType, valueText } from '../../core/otlp/value.ts';
import type { Signal } from '../../core/signal.ts';
import type { ByteRange, Telemetry } from '../../core/telemetry/telemetry.ts';
import { type Config, SERVICE_AND_METRIC, USER } from './config.ts';
import { isJaeger } from './records.ts';

/** A part of a batch whose records have one key and one topic. The part has a reference of its own. */
export interface Part {
  readonly batch: Telemetry;
  readonly key: Buffer | undefined;
  /** Named by the resource; undefined where it is the signal's own. */
  readonly topic: string | undefined;
}

/** Gives the key of what the walk is at; undefined for none. */
type KeyOf = (groups: Groups) => Buffer | undefined;

const SERVICE_NAME = Buffer.from('service.name');
/** The key of what does not say where it comes from. */
const UNKNOWN = 'unknown';
const ANONYMOUS = Buffer.from('anonymous');
/** The attributes that name a user, and a session; the second of each is that of the semantic conventions. */
const USER_KEYS = ['userId', 'user.id', 'sessionId', 'session.id'].map((key) => Buffer.from(key));
const MAP_ENTRY = (1 << 3) | 2;

const attributes = new Attributes();
const span = new SpanReader();
const log = new LogRecordReader();
const metric = new MetricReader();
const value = new ValueReader();

/** Takes batches of one signal apart as their keys and topics ask for. */
export class Keys {
  readonly #byResource: KeyOf | undefined;
  readonly #byItem: KeyOf | undefined;
  readonly #topic: Buffer | undefined;

  constructor(signal: Signal, config: Config) {
    this.#byItem = itemKey(signal, config);
    this.#byResource = this.#byItem === undefined ? resourceKey(signal, config) : undefined;
    this.#topic = config.topic_from_attribute === '' ? undefined : Buffer.from(config.topic_from_attribute);
  }

  /** The parts, in the order in which they first occur. Keeps the caller's reference to the batch untouched. */
  parts(batch: Telemetry): Part[] {
    if (this.#byItem === undefined && this.#byResource === undefined && this.#topic === undefined) {
      return [{ batch: batch.retain(), key: undefined, topic: undefined }];
    }
    const collected = new Map<string, Collected>();
    const groups = new Groups().open(batch);
    while (groups.nextResource()) {
      const topic = this.#topic === undefined ? undefined : resourceText(groups, this.#topic);
      if (this.#byItem === undefined) collect(collected, groups, this.#byResource?.(groups), topic, batch);
      else collectItems(collected, groups, this.#byItem, topic, batch.signal);
    }
    return [...collected.values()].map((one) => partOf(batch, one));
  }
}

function itemKey(signal: Signal, config: Config): KeyOf | undefined {
  const { message_key: key } = config[signal];
  if (signal === 'traces')
    return config.partition_traces_by_id && !isJaeger(config.traces.encoding) ? spanTrace : undefined;
  if (signal === 'metrics') return key === SERVICE_AND_METRIC ? serviceAndMetric : undefined;
  if (config.partition_logs_by_trace_id) return logTrace;
  return key === USER ? userOf : undefined;
}

function resourceKey(signal: Signal, config: Config): KeyOf | undefined {
  const hashed =
    (signal === 'metrics' && config.partition_metrics_by_resource_attributes) ||
    (signal === 'logs' && config.partition_logs_by_resource_attributes);
  if (hashed) return resourceHash;
  const name = Buffer.from(config[signal].message_key);
  return name.length === 0 ? undefined : (groups) => Buffer.from(resourceText(groups, name) ?? UNKNOWN);
}

function resourceText(groups: Groups, name: Buffer): string | undefined {
  const { buffer, resourceStart, resourceEnd } = groups;
  if (!attributes.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES).find(name)) return undefined;
  const text = valueText(buffer, attributes.valueStart, attributes.valueEnd);
  return text === '' ? undefined : text;
}

/** 16 bytes that are the same for the same attributes in any order. */
function resourceHash({ buffer, resourceStart, resourceEnd }: Groups): Buffer {
  const list = attributes.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES);
  const entries: [string, Buffer][] = [];
  list.rewind();
  while (list.next()) entries.push([list.key(), buffer.subarray(list.valueStart, list.valueEnd)]);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('md5');
  for (const [key, bytes] of entries) hash.update(`${key}\0${bytes.length}\0`).update(bytes);
  return hash.digest();
}

function spanTrace({ buffer, memberStart, memberEnd }: Groups): Buffer | undefined {
  const { traceIdAt } = span.read(buffer, memberStart, memberEnd);
  return traceIdAt < 0 ? undefined : Buffer.from(buffer.toString('hex', traceIdAt, traceIdAt + 16));
}

function logTrace({ buffer, memberStart, memberEnd }: Groups): Buffer | undefined {
  const { traceIdAt } = log.read(buffer, memberStart, memberEnd);
  return traceIdAt < 0 ? undefined : Buffer.from(buffer.toString('hex', traceIdAt, traceIdAt + 16));
}

function serviceAndMetric(groups: Groups): Buffer {
  const service = resourceText(groups, SERVICE_NAME) ?? UNKNOWN;
  const { name } = metric.read(groups.buffer, groups.memberStart, groups.memberEnd);
  return Buffer.from(`${service}-${name === '' ? UNKNOWN : name}`);
}

/** Of an event, an attribute of the record or else an entry of its body says who. */
function userOf({ buffer, memberStart, memberEnd }: Groups): Buffer {
  const record = log.read(buffer, memberStart, memberEnd);
  const body = value.read(buffer, record.bodyStart, record.bodyEnd);
  const { start, end } = body;
  const isMap = body.type === ValueType.MAP;
  for (const key of USER_KEYS) {
    for (const list of [record.attributes, isMap ? attributes.set(buffer, start, end, MAP_ENTRY) : undefined]) {
      if (list?.find(key) !== true) continue;
      const text = valueText(buffer, list.valueStart, list.valueEnd);
      if (text !== '') return Buffer.from(text);
    }
  }
  return ANONYMOUS;
}

/** What has one key and topic: whole resource groups as ranges, single items as members. */
interface Collected {
  readonly key: Buffer | undefined;
  readonly topic: string | undefined;
  readonly ranges: ByteRange[];
  readonly members: Member[];
  items: number;
}

function collectedFor(
  collected: Map<string, Collected>,
  key: Buffer | undefined,
  topic: string | undefined,
): Collected {
  const id = `${topic ?? ''}\0${key?.toString('latin1') ?? ''}\0${key === undefined}`;
  let one = collected.get(id);
  if (one === undefined) {
    one = { key, topic, ranges: [], members: [], items: 0 };
    collected.set(id, one);
  }
  return one;
}

function collect(
  collected: Map<string, Collected>,
  groups: Groups,
  key: Buffer | undefined,
  topic: string | undefined,
  batch: Telemetry,
): void {
  const one = collectedFor(collected, key, topic);
  const range = batch.ranges[groups.range] as ByteRange;
  const last = one.ranges.at(-1);
  const { groupField: start, groupEnd: end } = groups;
  if (last !== undefined && last.buffer === range.buffer && last.end === start) {
    one.ranges[one.ranges.length - 1] = { ...last, end };
  } else one.ranges.push({ ...range, start, end });
  while (groups.nextScope()) {
    while (groups.nextMember()) one.items += itemsOf(batch.signal, groups);
  }
}

function collectItems(
  collected: Map<string, Collected>,
  groups: Groups,
  keyOf: KeyOf,
  topic: string | undefined,
  signal: Signal,
): void {
  const { buffer, scopesTag } = groups;
  const group = { buffer, start: groups.groupStart, end: groups.groupEnd };
  while (groups.nextScope()) {
    const scope = { buffer, start: groups.scopeGroupStart, end: groups.scopeGroupEnd };
    while (groups.nextMember()) {
      const one = collectedFor(collected, keyOf(groups), topic);
      one.members.push({ group, scope, scopesTag, start: groups.memberField, end: groups.memberEnd });
      one.items += itemsOf(signal, groups);
    }
  }
}

function itemsOf(signal: Signal, { buffer, memberStart, memberEnd }: Groups): number {
  return signal === 'metrics' ? countPoints(buffer, memberStart, memberEnd) : 1;
}

function partOf(batch: Telemetry, { key, topic, ranges, members, items }: Collected): Part {
  if (members.length === 0) return { batch: batch.derive(ranges, items), key, topic };
  const range = regroup(members);
  const part = batch.derive([range], items);
  range.slab.release();
  return { batch: part, key, topic };
}
