import { type ConfigNode, isNull, type MapEntry } from '../../core/config/node.ts';
import type { Decoder } from '../../core/config/schema.ts';

const KEY = 'connectors';

/**
 * The section `service` with its key `connectors`, which no collector has, taken apart: `connectors: {traces: [a]}`
 * makes `a` one of the exporters of the pipeline `traces`. Where a configuration is read strictly it is left alone, and
 * so an unknown key.
 */
export function withListedConnectors(service: ConfigNode, decoder: Decoder): ConfigNode {
  const listed = service.kind === 'map' ? service.entries.get(KEY) : undefined;
  if (service.kind !== 'map' || listed === undefined) return service;
  // of another shape it says nothing that could be taken over, and stays the unknown key that it is
  if (listed.node.kind !== 'map') return service;
  const lists = [...listed.node.entries];
  const places = lists.map(([id]) => `pipelines.${id}.exporters`);
  if (!decoder.legacy(listed.keyAt, KEY, places.join(', ') || 'pipelines')) return service;
  const entries = new Map(service.entries);
  entries.delete(KEY);
  const pipelines = entries.get('pipelines');
  let node = pipelines?.node;
  for (const [id, entry] of lists) node = withExporters(node, id, entry, decoder);
  if (pipelines !== undefined && node !== undefined) entries.set('pipelines', { ...pipelines, node });
  return { ...service, entries };
}

/** The section `pipelines` where a pipeline has further exporters; one that is not there is a fault. */
function withExporters(
  pipelines: ConfigNode | undefined,
  id: string,
  { keyAt, node }: MapEntry,
  decoder: Decoder,
): ConfigNode | undefined {
  const pipeline = pipelines?.kind === 'map' ? pipelines.entries.get(id) : undefined;
  if (pipelines?.kind !== 'map' || pipeline?.node.kind !== 'map') {
    decoder.within(KEY, () => decoder.fault(keyAt, `names pipeline ${JSON.stringify(id)} which is not configured`));
    return pipelines;
  }
  const exporters = pipeline.node.entries.get('exporters');
  const items = [...itemsOf(exporters?.node), ...itemsOf(node)];
  const list: ConfigNode = { kind: 'list', items, at: exporters?.node.at ?? node.at };
  const extended = new Map(pipeline.node.entries).set('exporters', { keyAt: exporters?.keyAt ?? keyAt, node: list });
  const replaced = { ...pipeline, node: { ...pipeline.node, entries: extended } };
  return { ...pipelines, entries: new Map(pipelines.entries).set(id, replaced) };
}

/** What is no list becomes the only item, which decoding refuses where it is no id. */
function itemsOf(node: ConfigNode | undefined): readonly ConfigNode[] {
  if (node === undefined || isNull(node)) return [];
  return node.kind === 'list' ? node.items : [node];
}
