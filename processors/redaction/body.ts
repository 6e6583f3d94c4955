import type { LogRecordEditor } from '../../core/otlp/edit/item-editors.ts';
import { LogRecordReader } from '../../core/otlp/readers/log-record.ts';
import { ANY_VALUE } from '../../core/otlp/schema.ts';
import type { AnyValue, KeyValue } from '../../core/otlp/tree.ts';
import { decodeMessage, type Message } from '../../core/otlp/tree-decode.ts';
import { encodeMessage } from '../../core/otlp/tree-encode.ts';
import { ValueReader, ValueType, valueText } from '../../core/otlp/value.ts';
import { encodeString } from '../../core/otlp/value-encode.ts';
import { valueText as treeText } from '../../core/otlp/value-text.ts';
import { type Findings, noFindings, type Summary } from './redactor.ts';
import type { Rules } from './rules.ts';

/** Redacts the bodies of log records; maps and lists key by key, with paths (`user.[0].name`) in the summary. */
export class BodyRedactor {
  readonly #rules: Rules;
  readonly #summary: Summary;
  readonly #record = new LogRecordReader();
  readonly #value = new ValueReader();

  constructor(rules: Rules, summary: Summary) {
    this.#rules = rules;
    this.#summary = summary;
  }

  redact(editor: LogRecordEditor): void {
    const { buffer, bodyStart, bodyEnd } = this.#record.read(editor.buffer, editor.start, editor.end);
    const value = this.#value.read(buffer, bodyStart, bodyEnd);
    if (value.type === ValueType.MAP || value.type === ValueType.ARRAY) {
      this.#redactStructure(editor, buffer, bodyStart, bodyEnd);
      return;
    }
    const { noteworthy } = this.#rules;
    const isText = value.type === ValueType.STRING;
    if (isText && !noteworthy.test(buffer, value.start, value.end)) return;
    const text = isText ? value.string : valueText(buffer, bodyStart, bodyEnd);
    if (this.#rules.allows(text)) return;
    const masked = this.#rules.mask(text);
    if (masked === text) return;
    editor.setBody(encodeString(masked));
    this.#summary.write({ ...noFindings(), masked: ['body'] }, editor.attributes, 'redaction.body.');
  }

  #redactStructure(editor: LogRecordEditor, buffer: Buffer, start: number, end: number): void {
    const body = decodeMessage(ANY_VALUE, buffer, start, end) as unknown as AnyValue;
    const findings = noFindings();
    this.#redactValue('', body, findings);
    const changed = findings.redacted.length > 0 || findings.masked.length > 0;
    if (changed) editor.setBody(encodeMessage(ANY_VALUE, body as unknown as Message));
    this.#summary.write(findings, editor.attributes, 'redaction.body.');
  }

  #redactValue(path: string, value: AnyValue, findings: Findings): void {
    if (value.kvlistValue !== undefined) this.#redactMap(path, value.kvlistValue.values, findings);
    else if (value.arrayValue !== undefined) {
      for (const [i, element] of value.arrayValue.values.entries()) {
        this.#redactValue(joined(path, `[${i}]`), element, findings);
      }
    } else this.#redactScalar(path, value, findings);
  }

  #redactMap(path: string, entries: KeyValue[], findings: Findings): void {
    const removed: string[] = [];
    for (const entry of entries) {
      const key = Buffer.from(entry.key);
      const at = joined(path, entry.key);
      if (this.#rules.ignored.test(key, 0, key.length)) findings.ignored.push(at);
      else if (!this.#rules.allowed.test(key, 0, key.length)) removed.push(entry.key);
      else if (this.#rules.masked.test(key, 0, key.length)) {
        findings.masked.push(at);
        entry.value = { stringValue: this.#rules.maskAll(entry.value?.stringValue ?? '') };
      } else {
        entry.value ??= {};
        this.#redactValue(at, entry.value, findings);
      }
    }
    for (const key of removed) {
      removeFirst(entries, key);
      findings.redacted.push(joined(path, key));
    }
  }

  #redactScalar(path: string, value: AnyValue, findings: Findings): void {
    const text = treeText(value);
    if (this.#rules.allows(text)) {
      findings.allowed.push(path);
      return;
    }
    const masked = this.#rules.mask(text);
    if (masked === text) return;
    findings.masked.push(path);
    for (const member of Object.keys(value)) delete value[member as keyof AnyValue];
    value.stringValue = masked;
  }
}

function joined(path: string, part: string): string {
  return path === '' ? part : `${path}.${part}`;
}

/** As the collector does: the last entry takes the place of the one that is removed. */
function removeFirst(entries: KeyValue[], key: string): void {
  const index = entries.findIndex((entry) => entry.key === key);
  const last = entries.pop();
  if (last !== undefined && index < entries.length) entries[index] = last;
}
