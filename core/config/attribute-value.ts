import { ANY_VALUE } from '../otlp/schema.ts';
import type { AnyValue } from '../otlp/tree.ts';
import type { Message } from '../otlp/tree-decode.ts';
import { encodeMessage } from '../otlp/tree-encode.ts';
import { type ConfigNode, isNull, toPlainData } from './node.ts';
import { type JsonSchema, Schema } from './schema.ts';

/** The value of an attribute as a configuration gives it. */
export interface AttributeValue {
  /** As in the configuration. */
  readonly plain: unknown;
  /** An encoded AnyValue of the type that the value has in YAML: `1` is an integer, `1.0` a double. */
  readonly encoded: Buffer;
}

class AttributeValueSchema extends Schema<AttributeValue | undefined> {
  readonly typeName = 'any';

  absent(): undefined {
    return undefined;
  }
  zero(): undefined {
    return undefined;
  }
  decode(node: ConfigNode): AttributeValue | undefined {
    if (isNull(node)) return undefined;
    return { plain: toPlainData(node), encoded: encodeMessage(ANY_VALUE, anyValueOf(node) as Message) };
  }
  override toPlain(value: AttributeValue | undefined): unknown {
    return value?.plain;
  }
  jsonSchema(): JsonSchema {
    return {};
  }
}

function anyValueOf(node: ConfigNode): AnyValue {
  if (node.kind === 'list') return { arrayValue: { values: node.items.map(anyValueOf) } };
  if (node.kind === 'map') {
    const values = [...node.entries].map(([key, entry]) => ({ key, value: anyValueOf(entry.node) }));
    return { kvlistValue: { values } };
  }
  const { value } = node;
  if (value === null) return {};
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'bigint') return { intValue: value };
  return Number.isInteger(value) && node.float !== true ? { intValue: BigInt(value) } : { doubleValue: value };
}

/** Any value an attribute can have: text, numbers, booleans, lists and maps. Undefined where absent or null. */
export const attributeValue = (doc: string): Schema<AttributeValue | undefined> => new AttributeValueSchema(doc);
