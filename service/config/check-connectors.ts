import type { Findings } from '../../core/config/decoder.ts';
import type { Signal } from '../../core/signal.ts';
import type { ConfiguredComponent, PipelineConfig } from './types.ts';

const BUILD = 'failed to build pipelines';

/** Every connector joins pipelines of signals it can turn into each other, and no data goes round in circles. */
export function checkConnectors(pipelines: readonly PipelineConfig[], findings: Findings): void {
  const connectors = new Set(
    pipelines.flatMap((p) => [...p.receivers, ...p.exporters]).filter((c) => c.kind === 'connector'),
  );
  for (const connector of connectors) checkBothSides(connector, pipelines, findings);
  const cycle = findCycle(pipelines);
  if (cycle === undefined) return;
  findings.faults.push({ at: cycle.at, section: '', message: `${BUILD}: cycle detected: ${cycle.text}`, kind: 'key' });
}

function checkBothSides(
  connector: ConfiguredComponent,
  pipelines: readonly PipelineConfig[],
  findings: Findings,
): void {
  const sources = pipelines.filter((p) => p.exporters.includes(connector));
  const targets = pipelines.filter((p) => p.receivers.includes(connector));
  const sides = [
    {
      as: 'exporter',
      other: 'receiver',
      own: sources,
      pairs: (s: Signal) => targets.some((t) => joins(connector, s, t.signal)),
    },
    {
      as: 'receiver',
      other: 'exporter',
      own: targets,
      pairs: (s: Signal) => sources.some((f) => joins(connector, f.signal, s)),
    },
  ];
  for (const { as, other, own, pairs } of sides) {
    for (const signal of new Set(own.map((p) => p.signal))) {
      if (pairs(signal)) continue;
      const ids = own.filter((p) => p.signal === signal).map((p) => p.id);
      const used = `used as ${as} in [${ids.join(' ')}] pipeline but not used in any supported ${other} pipeline`;
      const message = `${BUILD}: connector ${JSON.stringify(connector.id)} ${used}`;
      findings.faults.push({ at: connector.at, section: '', message, kind: 'key' });
    }
  }
}

function joins({ factory }: ConfiguredComponent, from: Signal, to: Signal): boolean {
  return factory.kind === 'connector' && factory.signals[from]?.[to] !== undefined;
}

interface Edge {
  readonly connector: ConfiguredComponent;
  readonly from: PipelineConfig;
  readonly to: PipelineConfig;
}

function findCycle(pipelines: readonly PipelineConfig[]): { text: string; at: ConfiguredComponent['at'] } | undefined {
  const done = new Set<PipelineConfig>();
  for (const start of pipelines) {
    const cycle = walk(start, pipelines, [], done);
    const [first] = cycle ?? [];
    if (cycle !== undefined && first !== undefined) return { text: describe(cycle), at: first.connector.at };
  }
  return undefined;
}

/** Depth first; `trail` are the edges that led here. A pipeline already on the trail closes a cycle. */
function walk(
  pipeline: PipelineConfig,
  pipelines: readonly PipelineConfig[],
  trail: readonly Edge[],
  done: Set<PipelineConfig>,
): readonly Edge[] | undefined {
  const back = trail.findIndex((edge) => edge.from === pipeline);
  if (back >= 0) return trail.slice(back);
  if (done.has(pipeline)) return undefined;
  for (const connector of pipeline.exporters) {
    for (const to of pipelines) {
      if (!to.receivers.includes(connector) || !joins(connector, pipeline.signal, to.signal)) continue;
      const cycle = walk(to, pipelines, [...trail, { connector, from: pipeline, to }], done);
      if (cycle !== undefined) return cycle;
    }
  }
  done.add(pipeline);
  return undefined;
}

function describe(cycle: readonly Edge[]): string {
  const name = ({ connector, from, to }: Edge): string =>
    `connector ${JSON.stringify(connector.id)} (${from.signal} to ${to.signal})`;
  const steps = cycle.flatMap((edge) => [
    name(edge),
    ...edge.to.processors.map((p) => `processor ${JSON.stringify(p.id)} in pipeline ${JSON.stringify(edge.to.id)}`),
  ]);
  const [first] = cycle;
  return [...steps, ...(first === undefined ? [] : [name(first)])].join(' -> ');
}
