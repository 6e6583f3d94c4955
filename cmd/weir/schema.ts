import { COMPONENT_KINDS, type ComponentKind } from '../../core/component-id.ts';
import type { JsonSchema } from '../../core/config/schema.ts';
import { SECTION } from '../../service/config/components.ts';
import { service } from '../../service/config/root.ts';
import type { Registry } from '../../service/registry.ts';
import type { Arguments } from './args.ts';
import { registryOf } from './load.ts';

/** A JSON Schema (2020-12) of whole configurations, for editors. */
export async function printSchema(args: Arguments): Promise<string> {
  return `${JSON.stringify(await configSchema(await registryOf(args)), null, 2)}\n`;
}

async function configSchema(registry: Registry): Promise<JsonSchema> {
  const definitions: Record<string, JsonSchema> = {};
  const properties: Record<string, JsonSchema> = {};
  for (const kind of COMPONENT_KINDS) properties[SECTION[kind]] = await section(kind, registry, definitions);
  properties.service = service.jsonSchema();
  properties.plugins = {
    type: ['array', 'string', 'null'],
    items: { type: 'string' },
    description: 'Folders or packages with further components.',
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'weir configuration',
    type: 'object',
    properties,
    additionalProperties: false,
    $defs: definitions,
  };
}

/** Components by id; which schema holds for one follows from the type in front of the slash. */
async function section(
  kind: ComponentKind,
  registry: Registry,
  definitions: Record<string, JsonSchema>,
): Promise<JsonSchema> {
  const patternProperties: Record<string, JsonSchema> = {};
  for (const entry of registry.entries.filter((e) => e.kind === kind)) {
    const { default: factory } = await entry.load();
    const name = `${kind}.${factory.type}`;
    definitions[name] = { ...factory.config.jsonSchema(), description: factory.description };
    const types = [factory.type, ...(factory.aliases ?? [])].join('|');
    patternProperties[`^\\s*(${types})\\s*(/.+)?$`] = { $ref: `#/$defs/${name}` };
  }
  const sectionSchema = { type: ['object', 'null'], patternProperties, additionalProperties: false };
  return { anyOf: [sectionSchema, { type: 'string', pattern: '\\$\\{' }] };
}
