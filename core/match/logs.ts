import type { Groups } from '../otlp/readers/groups.ts';
import { LogRecordReader } from '../otlp/readers/log-record.ts';
import { ValueReader } from '../otlp/value.ts';
import type { BytesMatcher } from './bytes-matcher.ts';
import type { MatchConfig, MatchProperties } from './config.ts';
import { GroupMatcher, testValue, textsOf } from './groups.ts';

/** Which log records a processor changes. Call `enterResource` and `enterScope` as the walk comes to the groups. */
export class LogMatcher {
  readonly #include: LogProperties | undefined;
  readonly #exclude: LogProperties | undefined;
  readonly #record = new LogRecordReader();

  /** Throws the collector's message. */
  constructor({ include, exclude }: MatchConfig) {
    this.#include = include && new LogProperties(include);
    this.#exclude = exclude && new LogProperties(exclude);
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
    const record = this.#record.read(buffer, start, end);
    if (this.#include !== undefined && !this.#include.match(record)) return false;
    return this.#exclude === undefined || !this.#exclude.match(record);
  }
}

class LogProperties {
  readonly group: GroupMatcher;
  readonly #bodies: BytesMatcher | undefined;
  readonly #severityTexts: BytesMatcher | undefined;
  readonly #severity: MatchProperties['log_severity_number'];
  readonly #value = new ValueReader();

  constructor(properties: MatchProperties) {
    validate(properties);
    this.group = new GroupMatcher(properties);
    this.#bodies = textsOf(properties.log_bodies, properties, 'log record body');
    this.#severityTexts = textsOf(properties.log_severity_texts, properties, 'log record severity text');
    this.#severity = properties.log_severity_number;
  }

  match(record: LogRecordReader): boolean {
    const { buffer, bodyStart, bodyEnd, severityTextStart, severityTextEnd } = record;
    if (!this.group.matches) return false;
    if (this.#bodies !== undefined && !testValue(this.#bodies, this.#value, buffer, bodyStart, bodyEnd)) return false;
    if (this.#severityTexts?.test(buffer, severityTextStart, severityTextEnd) === false) return false;
    if (this.#severity !== undefined && !this.#isSevere(this.#severity, record.severityNumber)) return false;
    return this.group.attributes === undefined || this.group.attributes.matches(record.attributes);
  }

  #isSevere(wanted: NonNullable<MatchProperties['log_severity_number']>, severity: number): boolean {
    return severity === 0 ? wanted.match_undefined : severity >= wanted.min;
  }
}

function validate(properties: MatchProperties): void {
  const { services, span_names, span_kinds, metric_names } = properties;
  if ([span_names, services, span_kinds, metric_names].some((list) => list.length > 0)) {
    throw new Error('services, span_names, span_kinds and metric_names are not valid for log records');
  }
  const { attributes, libraries, resources, log_bodies, log_severity_texts, log_severity_number } = properties;
  const lists = [attributes, libraries, resources, log_bodies, log_severity_texts];
  if (lists.some((list) => list.length > 0) || log_severity_number !== undefined) return;
  const fields = '"attributes", "libraries", "span_kinds", "resources", "log_bodies", "log_severity_texts"';
  throw new Error(`at least one of ${fields} or "log_severity_number" field must be specified`);
}
