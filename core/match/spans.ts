import type { Groups } from '../otlp/readers/groups.ts';
import { SpanReader } from '../otlp/readers/span.ts';
import type { BytesMatcher } from './bytes-matcher.ts';
import type { MatchConfig, MatchProperties } from './config.ts';
import { GroupMatcher, textsOf } from './groups.ts';

/** By the value of `kind`. */
const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (name) => `SPAN_KIND_${name}`,
);
const STANDARD_KINDS = KINDS.slice(1).sort();

/** Which spans a processor changes. Call `enterResource` and `enterScope` as the walk comes to the groups. */
export class SpanMatcher {
  readonly #include: SpanProperties | undefined;
  readonly #exclude: SpanProperties | undefined;
  readonly #span = new SpanReader();

  /** Throws the collector's message. */
  constructor({ include, exclude }: MatchConfig) {
    this.#include = include && new SpanProperties(include);
    this.#exclude = exclude && new SpanProperties(exclude);
  }

  enterResource(at: Groups): void {
    this.#include?.group.enterResource(at);
    this.#exclude?.group.enterResource(at);
  }

  enterScope(at: Groups): void {
    this.#include?.group.enterScope(at);
    this.#exclude?.group.enterScope(at);
  }

  matches(buffer: Buffer, start: number, end: number): boolean {
    const include = this.#include;
    const exclude = this.#exclude;
    const unread = (include?.settled ?? true) && (exclude?.settled ?? true);
    if (!unread) this.#span.read(buffer, start, end);
    if (include !== undefined && !include.match(this.#span)) return false;
    return exclude === undefined || !exclude.match(this.#span);
  }
}

class SpanProperties {
  readonly group: GroupMatcher;
  readonly #names: BytesMatcher | undefined;
  /** Verdicts by the value of `kind`; others have no name. */
  readonly #kinds: readonly boolean[] | undefined;
  readonly #otherKinds: boolean = true;
  readonly #asksSpan: boolean;

  constructor(properties: MatchProperties) {
    validate(properties);
    this.group = new GroupMatcher(properties);
    this.#names = textsOf(properties.span_names, properties, 'span name');
    const kinds = textsOf(properties.span_kinds, properties, 'span kind');
    if (kinds !== undefined) {
      this.#kinds = KINDS.map((kind) => kinds.testText(kind));
      this.#otherKinds = kinds.testText('');
    }
    this.#asksSpan = this.#names !== undefined || kinds !== undefined || this.group.attributes !== undefined;
  }

  /** Whether the spans of the group need not be looked at. */
  get settled(): boolean {
    return !this.group.matches || !this.#asksSpan;
  }

  match(span: SpanReader): boolean {
    if (!this.group.matches) return false;
    if (!this.#asksSpan) return true;
    if (this.#names !== undefined && !this.#names.test(span.buffer, span.nameStart, span.nameEnd)) return false;
    if (this.#kinds !== undefined && !(this.#kinds[span.kind] ?? this.#otherKinds)) return false;
    return this.group.attributes === undefined || this.group.attributes.matches(span.attributes);
  }
}

function validate(properties: MatchProperties): void {
  const { services, span_names, span_kinds, attributes, libraries, resources } = properties;
  const foreign = ['log_bodies', 'log_severity_texts', 'log_severity_number', 'metric_names'] as const;
  for (const field of foreign) {
    const value = properties[field];
    const given = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (given) throw new Error(`${field} should not be specified for trace spans`);
  }
  if ([services, span_names, span_kinds, attributes, libraries, resources].every((list) => list.length === 0)) {
    throw new Error('at least one of "attributes", "libraries",  or "resources" field must be specified');
  }
  if (properties.match_type !== 'strict' || span_kinds.every((kind) => STANDARD_KINDS.includes(kind))) return;
  // the collector's list begins with as many empty names
  const names = [...STANDARD_KINDS.map(() => ''), ...STANDARD_KINDS].join(' ');
  throw new Error(`span_kinds string must match one of the standard span kinds when match_type=strict: [${names}]`);
}
