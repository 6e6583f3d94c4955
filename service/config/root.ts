import { formatComponentId, parseComponentId } from '../../core/component-id.ts';
import { faultNotList } from '../../core/config/collections.ts';
import { type Infer, struct } from '../../core/config/fields.ts';
import { nearest } from '../../core/config/nearest.ts';
import { type ConfigNode, goKind, isNull, type Position } from '../../core/config/node.ts';
import { type Decoder, type JsonSchema, Schema } from '../../core/config/schema.ts';
import { SIGNALS, type Signal } from '../../core/signal.ts';
import { telemetry } from './telemetry.ts';

/** The id of a component where a pipeline or the list of extensions names it. */
export interface Reference {
  readonly id: string;
  readonly at: Position;
}

class ReferencesSchema extends Schema<readonly Reference[]> {
  readonly typeName = '[]component.ID';

  absent(): readonly Reference[] {
    return [];
  }
  zero(): readonly Reference[] {
    return [];
  }
  decode(node: ConfigNode, decoder: Decoder): readonly Reference[] {
    if (isNull(node)) return [];
    if (node.kind !== 'list') {
      faultNotList(node, decoder);
      return [];
    }
    return node.items.flatMap((item, i) => decoder.element(i, () => reference(item, decoder)));
  }
  override toPlain(value: readonly Reference[]): unknown {
    return value.map(({ id }) => id);
  }
  jsonSchema(): JsonSchema {
    return {
      anyOf: [
        { type: ['array', 'null'], items: { type: 'string' } },
        { type: 'string', pattern: '\\$\\{' },
      ],
    };
  }
}

function reference(node: ConfigNode, decoder: Decoder): readonly Reference[] {
  if (node.kind !== 'scalar' || typeof node.value !== 'string') {
    decoder.fault(node.at, `expected a map or struct, got ${JSON.stringify(goKind(node))}`, { hint: 'an id is text' });
    return [];
  }
  const id = parseComponentId(node.value);
  if (!('error' in id)) return [{ id: formatComponentId(id), at: node.at }];
  decoder.fault(node.at, id.error);
  return [];
}

const references = (doc: string): Schema<readonly Reference[]> => new ReferencesSchema(doc);

const pipeline = struct('pipelines.PipelineConfig', 'One way through the process.', {
  receivers: references('Where data comes from: receivers and connectors.'),
  processors: references('What is done to it, in this order.'),
  exporters: references('Where it goes: exporters and connectors.'),
});

/** A pipeline as written. `signal` is undefined for profiles. */
export interface PipelineNode extends Infer<typeof pipeline> {
  readonly id: string;
  readonly signal: Signal | undefined;
  readonly name: string;
  readonly at: Position;
}

class PipelinesSchema extends Schema<readonly PipelineNode[]> {
  readonly typeName = 'pipelines.Config';

  absent(): readonly PipelineNode[] {
    return [];
  }
  zero(): readonly PipelineNode[] {
    return [];
  }
  decode(node: ConfigNode, decoder: Decoder): readonly PipelineNode[] {
    if (isNull(node)) return [];
    if (node.kind !== 'map') {
      decoder.fault(node.at, `expected a map or struct, got ${JSON.stringify(goKind(node))}`);
      return [];
    }
    const pipelines: PipelineNode[] = [];
    for (const [key, { keyAt, node: body }] of node.entries) {
      const id = pipelineId(key, keyAt, decoder);
      const lists = decoder.element(key, () => pipeline.decode(body, decoder));
      if (id === undefined) continue;
      if (pipelines.some((other) => other.id === id.id)) {
        decoder.fault(keyAt, `duplicate name ${JSON.stringify(key)} after unmarshaling ${id.id}`, { kind: 'key' });
      } else pipelines.push({ ...id, ...lists, at: keyAt });
    }
    return pipelines;
  }
  override toPlain(value: readonly PipelineNode[], reveal: boolean): unknown {
    return Object.fromEntries(value.map((p) => [p.id, pipeline.toPlain(p, reveal)]));
  }
  jsonSchema(): JsonSchema {
    const patternProperties = { [`^(${SIGNALS.join('|')})(/.+)?$`]: pipeline.jsonSchema() };
    return { type: ['object', 'null'], patternProperties, additionalProperties: false };
  }
  override children(): ReturnType<Schema<unknown>['children']> {
    return [['*', pipeline]];
  }
}

type PipelineId = Pick<PipelineNode, 'id' | 'signal' | 'name'>;

function pipelineId(key: string, at: Position, decoder: Decoder): PipelineId | undefined {
  const id = parseComponentId(key);
  if ('error' in id) {
    decoder.fault(at, id.error, { kind: 'key' });
    return undefined;
  }
  const signal = SIGNALS.find((known) => known === id.type);
  if (signal === undefined && id.type !== 'profiles') {
    const near = nearest(id.type, SIGNALS);
    const hint = near === undefined ? `signals: ${SIGNALS.join(', ')}` : `did you mean '${near}'?`;
    const shown = JSON.stringify(id.type);
    decoder.fault(at, `in ${JSON.stringify(key)} id: unknown pipeline signal: ${shown}`, { hint, kind: 'key' });
    return undefined;
  }
  return { id: formatComponentId(id), signal, name: id.name };
}

/** The section `service`. */
export const service = struct('service.Config', 'What runs.', {
  extensions: references('Extensions in the order of starting.'),
  pipelines: new PipelinesSchema('Pipelines by id: traces, metrics or logs, and a name behind a slash.'),
  telemetry,
});
export type ServiceSection = Infer<typeof service>;
