import { Attributes } from '../otlp/readers/attributes.ts';
import { Messages } from '../otlp/readers/messages.ts';
import { ValueReader, ValueType } from '../otlp/value.ts';
import { tagOf, WireType } from '../otlp/wire.ts';

const ELEMENT = tagOf(1, WireType.BYTES);

/** Whether two values have one type and are equal: doubles as numbers, so NaN is never; maps in any order. */
export function sameValue(a: ValueReader, b: ValueReader): boolean {
  if (a.type !== b.type) return false;
  switch (a.type) {
    case ValueType.EMPTY:
      return true;
    case ValueType.STRING:
    case ValueType.BYTES:
      return a.bytes.equals(b.bytes);
    case ValueType.BOOL:
      return a.bool === b.bool;
    case ValueType.INT:
      return a.int === b.int;
    case ValueType.DOUBLE:
      return a.double === b.double;
    case ValueType.ARRAY:
      return sameElements(elementsOf(a), elementsOf(b));
    default:
      return sameEntries(entriesOf(a), entriesOf(b));
  }
}

function sameElements(a: readonly ValueReader[], b: readonly ValueReader[]): boolean {
  return a.length === b.length && a.every((element, i) => sameValue(element, b[i] as ValueReader));
}

function sameEntries(a: ReadonlyMap<string, ValueReader>, b: ReadonlyMap<string, ValueReader>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !sameValue(value, other)) return false;
  }
  return true;
}

function elementsOf({ buffer, start, end }: ValueReader): ValueReader[] {
  const elements: ValueReader[] = [];
  const messages = new Messages().set(buffer, start, end, ELEMENT);
  while (messages.next()) elements.push(new ValueReader().read(buffer, messages.messageStart, messages.messageEnd));
  return elements;
}

function entriesOf({ buffer, start, end }: ValueReader): Map<string, ValueReader> {
  const entries = new Map<string, ValueReader>();
  const list = new Attributes().set(buffer, start, end, ELEMENT);
  while (list.next()) entries.set(list.key(), new ValueReader().read(buffer, list.valueStart, list.valueEnd));
  return entries;
}
