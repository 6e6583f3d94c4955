import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import { Messages } from '../../core/otlp/readers/messages.ts';
import { ValueReader, ValueType, valueText } from '../../core/otlp/value.ts';
import { encodeInt, encodeString, encodeValue } from '../../core/otlp/value-encode.ts';
import { tagOf, WireType } from '../../core/otlp/wire.ts';
import { AlertAttribute, timeText } from '../../core/stream/alert.ts';
import { INCOMPLETE } from '../../core/stream/window/keyed-windows.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Alike } from './alike.ts';

const COUNT = Buffer.from(AlertAttribute.COUNT);
const FIRST_TIME = Buffer.from(AlertAttribute.FIRST_TIME);
const LAST_TIME = Buffer.from(AlertAttribute.LAST_TIME);
const EVIDENCE = Buffer.from(AlertAttribute.EVIDENCE);
const INCOMPLETE_KEY = Buffer.from(INCOMPLETE);

/** The records that stand for windows, with what they stand for. */
export class Results {
  #alike: Alike | undefined;
  #incomplete = false;
  readonly #batches: Telemetry[] = [];
  readonly #rewriter = new Rewriter({
    log: (record) => {
      const { attributes } = record;
      const { count, earliest, latest, evidence } = this.#alike as Alike;
      attributes.upsert(COUNT, encodeInt(BigInt(count)));
      attributes.upsert(FIRST_TIME, encodeString(timeText(earliest)));
      attributes.upsert(LAST_TIME, encodeString(timeText(latest)));
      if (evidence.length > 0) attributes.upsert(EVIDENCE, encodeValue(evidence));
      if (this.#incomplete) attributes.upsert(INCOMPLETE_KEY, encodeValue(true));
      return true;
    },
  });

  /** `incomplete`: the window has not ended. */
  add(alike: Alike, incomplete: boolean): void {
    this.#alike = alike;
    this.#incomplete = incomplete;
    this.#batches.push(this.#rewriter.rewrite(Telemetry.of('logs', Buffer.from(alike.kept, 'latin1'), 1)));
  }

  /** What was added, undefined where that is nothing. */
  take(context: RequestContext): Telemetry | undefined {
    if (this.#batches.length === 0) return undefined;
    return Telemetry.join(this.#batches.splice(0), context);
  }
}

const value = new ValueReader();
const elements = new Messages();
/** The tag of the elements of an ArrayValue. */
const ELEMENT = tagOf(1, WireType.BYTES);

/** The ids that a record names as evidence; none where it has no such list. */
export function evidenceOf(attributes: Attributes): readonly string[] {
  if (!attributes.find(EVIDENCE)) return [];
  const { buffer, valueStart, valueEnd } = attributes;
  const { type, start, end } = value.read(buffer, valueStart, valueEnd);
  if (type !== ValueType.ARRAY) return [];
  const ids: string[] = [];
  elements.set(buffer, start, end, ELEMENT);
  while (elements.next()) ids.push(valueText(buffer, elements.messageStart, elements.messageEnd));
  return ids;
}
