import { arch, platform, release } from 'node:os';
import type { Clock } from '../../core/clock.ts';
import type { Host, ServiceOverview, StatusEvent } from '../../core/component.ts';
import type { ComponentKind } from '../../core/component-id.ts';
import { formatDuration } from '../../core/config/duration.ts';
import { type ContributedSection, isZPageHost } from '../../core/zpages.ts';
import { type Content, facts, type Html, html, table } from './html.ts';
import type { StatusLog } from './status-log.ts';

export interface PageContext {
  readonly host: Host;
  readonly clock: Clock;
  readonly statuses: StatusLog;
}

export interface Page {
  readonly title: string;
  readonly body: Content;
}

export function servicePage({ host, clock }: PageContext): Page {
  const { build, startedAt, pipelines, extensions } = host.overview;
  const memory = process.memoryUsage();
  return {
    title: `Service ${build.command}`,
    body: [
      html`<h2>Build</h2>`,
      facts([
        ['Command', build.command],
        ['Description', build.description],
        ['Version', build.version],
      ]),
      html`<h2>Runtime</h2>`,
      facts([
        ['Started', new Date(startedAt).toISOString()],
        ['Uptime', formatDuration(Math.round((clock.now() - startedAt) / 1000) * 1000)],
        ['Process', process.pid],
        ['Node', process.version],
        ['System', `${platform()} ${release()} ${arch()}`],
        ['Resident memory', mebibytes(memory.rss)],
        ['JavaScript heap', `${mebibytes(memory.heapUsed)} of ${mebibytes(memory.heapTotal)}`],
        ['Buffers', mebibytes(memory.arrayBuffers)],
      ]),
      html`<h2>Parts</h2>`,
      facts([
        ['Pipelines', pipelines.length],
        ['Extensions', extensions.length],
      ]),
    ],
  };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

export function pipelinesPage(context: PageContext, wanted: string | null): Page {
  const { pipelines } = context.host.overview;
  if (wanted !== null) return pipelinePage(context, wanted);
  const names = (kind: ComponentKind, ids: readonly string[]): Content[] =>
    ids.map((id, i) => [i === 0 ? '' : kind === 'processor' ? ' → ' : ', ', component(context, kind, id)]);
  return {
    title: 'Pipelines',
    body: table(
      ['Pipeline', 'Signal', 'Receivers', 'Processors', 'Exporters'],
      pipelines.map((pipeline) => [
        html`<a href="?pipelinename=${encodeURIComponent(pipeline.id)}">${pipeline.id}</a>`,
        pipeline.signal,
        names('receiver', pipeline.receivers),
        names('processor', pipeline.processors),
        names('exporter', pipeline.exporters),
      ]),
    ),
  };
}

function pipelinePage(context: PageContext, id: string): Page {
  const pipeline = context.host.overview.pipelines.find((one) => one.id === id);
  if (pipeline === undefined) return { title: `Pipeline ${id}`, body: html`<p>There is no such pipeline.</p>` };
  const rows = (kind: ComponentKind, ids: readonly string[]): Content[][] =>
    ids.map((name) => [kindOf(context, kind, name), name, statusText(context, kind, name)]);
  return {
    title: `Pipeline ${id}`,
    body: table(
      ['Kind', 'Component', 'State'],
      [
        ...rows('receiver', pipeline.receivers),
        ...rows('processor', pipeline.processors),
        ...rows('exporter', pipeline.exporters),
      ],
    ),
  };
}

export function extensionsPage(context: PageContext): Page {
  const rows = context.host.overview.extensions.map((id) => [id, statusText(context, 'extension', id)]);
  return { title: 'Extensions', body: table(['Extension', 'State'], rows) };
}

export function featuresPage({ host }: PageContext): Page {
  const rows = host.overview.featureGates.map((gate) => [
    gate.id,
    gate.enabled ? html`<span class="good">on</span>` : 'off',
    gate.stage,
    gate.description,
  ]);
  return { title: 'Feature gates', body: table(['Id', 'State', 'Stage', 'Description'], rows) };
}

/** The process makes no spans of its own, so the page shows what it does know about what went wrong. */
export function tracesPage(context: PageContext): Page {
  const rows = context.statuses.errors.map(({ at, event }) => [
    html`<time>${new Date(at).toISOString()}</time>`,
    event.kind,
    event.id,
    event.status.replace('Status', ''),
    event.error?.message,
  ]);
  return {
    title: 'Traces',
    body: [
      html`<p>The process records no spans about itself. Below is what components reported.</p>`,
      html`<h2>Recent errors</h2>`,
      table(['Time', 'Kind', 'Component', 'State', 'Error'], rows.reverse()),
    ],
  };
}

/** What running components contribute, by page. */
export function contributions({ host }: PageContext): ContributedSection[] {
  return isZPageHost(host) ? [...host.zPageSections()] : [];
}

export function renderContribution({ kind, id, section }: ContributedSection): Html {
  return html`<h2>${section.title} <small>${kind} ${id}</small></h2>
${table(section.columns, [...section.rows()])}`;
}

/** Receivers and exporters of a pipeline may be connectors. */
function kindOf(context: PageContext, kind: ComponentKind, id: string): ComponentKind {
  if (kind === 'processor' || context.statuses.of(kind, id) !== undefined) return kind;
  return context.statuses.of('connector', id) === undefined ? kind : 'connector';
}

function component(context: PageContext, kind: ComponentKind, id: string): Content {
  const event = context.statuses.of(kindOf(context, kind, id), id);
  return event !== undefined && isBad(event)
    ? html`<span class="bad" title="${event.error?.message}">${id}</span>`
    : id;
}

function statusText(context: PageContext, kind: ComponentKind, id: string): Content {
  const event = context.statuses.of(kindOf(context, kind, id), id);
  if (event === undefined) return 'not known';
  const text = event.status.replace('Status', '');
  const error = event.error === undefined ? '' : `: ${event.error.message}`;
  return html`<span class="${isBad(event) ? 'bad' : 'good'}">${text}${error}</span>`;
}

const isBad = (event: StatusEvent): boolean => event.status.endsWith('Error');

/** Variables of the process, with Go's names where they mean the same. */
export function variables(overview: ServiceOverview): object {
  const memory = process.memoryUsage();
  return {
    cmdline: process.argv,
    memstats: { HeapAlloc: memory.heapUsed, HeapSys: memory.heapTotal, Sys: memory.rss },
    node: { version: process.version, memory, resources: process.resourceUsage() },
    build: overview.build,
  };
}
