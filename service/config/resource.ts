import { faultNotMap } from '../../core/config/collections.ts';
import { any, list, optional, string, stringList, struct } from '../../core/config/fields.ts';
import { type ConfigNode, isNull, type MapNode } from '../../core/config/node.ts';
import { stringOf } from '../../core/config/scalars.ts';
import { type AnySchema, type Decoder, type JsonSchema, Schema } from '../../core/config/schema.ts';

const typed = struct('config.Resource', 'Attributes of the process.', {
  attributes: list(
    'Attributes.',
    struct('config.AttributeNameValue', 'One of them.', {
      name: string('Name.'),
      value: any('Value.'),
      type: optional(struct('config.AttributeType', 'Type of the value.', {}), { present: false, enabledKey: false }),
    }),
  ),
  attributes_list: string('Not supported.'),
  detectors: optional(
    struct('config.Detectors', 'What finds out attributes. Accepted; none runs.', {
      attributes: optional(
        struct('config.DetectorsAttributes', 'Which of those attributes are taken.', {
          included: stringList('Names, * and ? are wildcards.'),
          excluded: stringList('Names that are left out.'),
        }),
        { present: false, enabledKey: false },
      ),
    }),
    { present: false, enabledKey: false },
  ),
  schema_url: string('Schema of the attributes.'),
});

/** Attribute values by name; null removes one that is there by default. */
export type ResourceAttributes = Readonly<Record<string, string | null>>;

/** `service::telemetry::resource`: a list under `attributes`, or as in most configurations, names right in the map. */
class ResourceSchema extends Schema<ResourceAttributes> {
  readonly typeName = 'migration.ResourceConfigV030';

  absent(): ResourceAttributes {
    return {};
  }
  zero(): ResourceAttributes {
    return {};
  }
  decode(node: ConfigNode, decoder: Decoder): ResourceAttributes {
    if (isNull(node)) return {};
    if (node.kind !== 'map') {
      faultNotMap(node, decoder);
      return {};
    }
    const known = typed.decode(
      part(node, (key) => typed.fields.has(key)),
      decoder,
    );
    const inline = part(node, (key) => !typed.fields.has(key));
    const result: Record<string, string | null> = Object.create(null);
    for (const { name, value } of known.attributes) result[name] = textOf(value);
    if (known.attributes_list !== '') {
      decoder.fault(node.at, 'resource::attributes_list is not currently supported, please use resource::attributes');
    }
    for (const [name, { node: value, keyAt }] of inline.entries) {
      const text = stringOf(value);
      if (text === undefined && !isNull(value)) {
        decoder.fault(value.at, `legacy resource attribute ${JSON.stringify(name)} must be string or null`);
      }
      if (known.attributes.length > 0) {
        const message = 'resource::attributes cannot be used together with legacy inline resource attributes';
        decoder.fault(keyAt, message, { kind: 'key' });
      }
      result[name] = isNull(value) ? null : (text ?? '');
    }
    return result;
  }
  jsonSchema(): JsonSchema {
    return { ...typed.objectSchema(), additionalProperties: { type: ['string', 'null'] } };
  }
  override children(): readonly (readonly [string, AnySchema])[] {
    return typed.children();
  }
}

function part(node: MapNode, take: (key: string) => boolean): MapNode {
  return { ...node, entries: new Map([...node.entries].filter(([key]) => take(key))) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}

export const resource = (doc: string): Schema<ResourceAttributes> => new ResourceSchema(doc);
