import { type ConfigNode, isNull } from '../config/node.ts';
import { EXPANSION, mismatch } from '../config/scalars.ts';
import { type Decoder, type JsonSchema, Schema } from '../config/schema.ts';

const UNITS: readonly string[] = ['B', 'K', 'M', 'G', 'T', 'P', 'E'];
const PART = /(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE])i?)?B/y;

/** A size as Prometheus has it: `512B`, `10MB`, `1.5GiB`; all units are powers of 1024. */
class SizeSchema extends Schema<number> {
  readonly typeName = 'units.Base2Bytes';

  absent(): number {
    return 0;
  }
  zero(): number {
    return 0;
  }
  decode(node: ConfigNode, decoder: Decoder): number {
    if (isNull(node)) return 0;
    if (node.kind !== 'scalar') {
      mismatch(node, this.typeName, decoder);
      return 0;
    }
    const written = node.text ?? String(node.value);
    const size = sizeOf(written);
    if (size !== undefined) return size;
    const unit = written.replace(/^[\d.]+/, '');
    const fault = unit === '' ? `units: missing unit in ${written}` : `units: unknown unit ${unit} in ${written}`;
    decoder.fault(node.at, fault, { hint: 'write a number with a unit, as in 10MB' });
    return 0;
  }
  override toPlain(value: number): unknown {
    return value === 0 ? 0 : `${value}B`;
  }
  jsonSchema(): JsonSchema {
    return {
      anyOf: [{ type: 'string', pattern: '^(0|([0-9.]+([KMGTPE]i?)?B)+)$' }, { const: 0 }, { type: 'null' }, EXPANSION],
    };
  }
}

function sizeOf(text: string): number | undefined {
  if (text === '0') return 0;
  const part = new RegExp(PART);
  let size = 0;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) return undefined;
    const [, count = '', unit = 'B'] = match;
    size += Number(count) * 1024 ** UNITS.indexOf(unit);
  }
  return text === '' || size > Number.MAX_SAFE_INTEGER ? undefined : Math.trunc(size);
}

/** Bytes in code; 0 for none. */
export const size = (doc: string): Schema<number> => new SizeSchema(doc);
