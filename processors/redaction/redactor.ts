import type { AttributeEditor } from '../../core/otlp/edit/attribute-editor.ts';
import { ValueReader, ValueType, valueText } from '../../core/otlp/value.ts';
import { encodeInt, encodeString } from '../../core/otlp/value-encode.ts';
import type { Config } from './config.ts';
import type { Rules } from './rules.ts';

/** What was done to one list of attributes or one body: the keys. */
export interface Findings {
  readonly redacted: string[];
  readonly masked: string[];
  readonly allowed: string[];
  readonly ignored: string[];
}

export function noFindings(): Findings {
  return { redacted: [], masked: [], allowed: [], ignored: [] };
}

const OUTCOMES = ['redacted', 'masked', 'allowed', 'ignored'] as const;

/** Writes what was done to attributes `redaction.…`, adding to what an earlier collector wrote there. */
export class Summary {
  readonly #counts: boolean;
  readonly #names: boolean;
  readonly #value = new ValueReader();

  constructor({ summary }: Config) {
    this.#names = summary === 'debug';
    this.#counts = this.#names || summary === 'info';
  }

  /** Without a summary nothing needs to be found out. */
  get wanted(): boolean {
    return this.#counts;
  }

  /** `prefix` is `redaction.` or `redaction.body.`. */
  write(findings: Findings, attributes: AttributeEditor, prefix: string): void {
    if (!this.#counts) return;
    for (const outcome of OUTCOMES) {
      const keys = findings[outcome];
      if (keys.length === 0) continue;
      if (this.#names && outcome !== 'ignored') this.#writeKeys(keys, attributes, `${prefix}${outcome}.keys`);
      this.#writeCount(keys.length, attributes, `${prefix}${outcome}.count`);
    }
  }

  #writeKeys(keys: readonly string[], attributes: AttributeEditor, name: string): void {
    const key = Buffer.from(name);
    const there = this.#read(attributes, key);
    const earlier = there?.type === ValueType.STRING && there.start < there.end ? there.string.split(',') : [];
    const all = [...keys, ...earlier].map((text) => Buffer.from(text)).sort(Buffer.compare);
    attributes.upsert(key, encodeString(all.join(',')));
  }

  #writeCount(count: number, attributes: AttributeEditor, name: string): void {
    const key = Buffer.from(name);
    const there = this.#read(attributes, key);
    const earlier = there?.type === ValueType.INT ? there.int : 0n;
    attributes.upsert(key, encodeInt(BigInt.asIntN(64, earlier + BigInt(count))));
  }

  #read(attributes: AttributeEditor, key: Buffer): ValueReader | undefined {
    const index = attributes.find(key);
    if (index < 0) return undefined;
    return this.#value.read(attributes.bufferOf(index), attributes.valueStart(index), attributes.valueEnd(index));
  }
}

/** What happens to an attribute. */
const Fate = { NONE: 0, REMOVED: 1, MASKED: 2, ALLOWED: 3, IGNORED: 4 } as const;
type Fate = (typeof Fate)[keyof typeof Fate];

/** Redacts lists of attributes. */
export class AttributeRedactor {
  readonly #rules: Rules;
  readonly #summary: Summary;
  readonly #allTypes: boolean;
  readonly #value = new ValueReader();

  constructor(rules: Rules, summary: Summary, { redact_all_types }: Config) {
    this.#rules = rules;
    this.#summary = summary;
    this.#allTypes = redact_all_types;
  }

  redact(attributes: AttributeEditor): void {
    const count = attributes.count;
    let findings: Findings | undefined;
    for (let i = 0; i < count; i++) {
      if (!attributes.has(i)) continue;
      const fate = this.#redactEntry(attributes, i);
      if (fate !== Fate.NONE && this.#summary.wanted) {
        findings ??= noFindings();
        listOf(findings, fate).push(attributes.key(i));
      }
      if (fate === Fate.REMOVED) attributes.remove(i);
    }
    if (findings !== undefined) this.#summary.write(findings, attributes, 'redaction.');
  }

  /** Changes a value that is to be masked; the caller removes what is to be removed. */
  #redactEntry(attributes: AttributeEditor, index: number): Fate {
    const rules = this.#rules;
    if (attributes.keyMatches(index, rules.ignored)) return Fate.IGNORED;
    if (!attributes.keyMatches(index, rules.allowed)) return Fate.REMOVED;
    const start = attributes.valueStart(index);
    const end = attributes.valueEnd(index);
    const value = this.#value.read(attributes.bufferOf(index), start, end);
    const masksKey = attributes.keyMatches(index, rules.masked);
    if (!masksKey && !this.#isNoteworthy(value, start, end)) return Fate.NONE;
    const text = this.#textOf(value, start, end);
    if (rules.allows(text)) return Fate.ALLOWED;
    const masked = masksKey ? rules.maskAll(text) : rules.mask(text);
    if (!masksKey && masked === text) return Fate.NONE;
    const encoded = encodeString(masked);
    attributes.setValue(index, encoded, 0, encoded.length);
    return Fate.MASKED;
  }

  #isNoteworthy(value: ValueReader, start: number, end: number): boolean {
    const { noteworthy } = this.#rules;
    if (value.type === ValueType.STRING) return noteworthy.test(value.buffer, value.start, value.end);
    return noteworthy.testText(this.#textOf(value, start, end));
  }

  /** What is not text is looked at as the empty text, as in the collector, unless the configuration says otherwise. */
  #textOf(value: ValueReader, start: number, end: number): string {
    if (value.type === ValueType.STRING) return value.string;
    return this.#allTypes ? valueText(value.buffer, start, end) : '';
  }
}

function listOf(findings: Findings, fate: Fate): string[] {
  switch (fate) {
    case Fate.REMOVED:
      return findings.redacted;
    case Fate.MASKED:
      return findings.masked;
    case Fate.ALLOWED:
      return findings.allowed;
    default:
      return findings.ignored;
  }
}
