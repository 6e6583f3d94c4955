import type { AttributeEditor } from '../../core/otlp/edit/attribute-editor.ts';
import { ValueReader, ValueType } from '../../core/otlp/value.ts';
import { encodeInt, encodeString } from '../../core/otlp/value-encode.ts';
import type { Config } from './config.ts';

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
