import { dirname, resolve } from 'node:path';
import type { BuildInfo } from '../../core/component.ts';
import { COMPONENT_KINDS } from '../../core/component-id.ts';
import { deepFreeze, type Findings, SectionDecoder, validateSection } from '../../core/config/decoder.ts';
import { ConfigError } from '../../core/config/fault.ts';
import { stringList } from '../../core/config/fields.ts';
import { nearest } from '../../core/config/nearest.ts';
import { type ConfigNode, isNull, type MapNode, type Position } from '../../core/config/node.ts';
import { chooseFeatureGates } from '../../core/feature-gates.ts';
import { loadPlugin } from '../plugins.ts';
import { createRegistry, type Registry } from '../registry.ts';
import { checkBuild } from './check-build.ts';
import { checkConnectors } from './check-connectors.ts';
import { checkAmbiguousIds, checkSignals, resolveExtensions, resolvePipelines } from './check-pipelines.ts';
import { type Declarations, readComponents, SECTION, withNamedExtensions } from './components.ts';
import { withListedConnectors } from './listed-connectors.ts';
import { filesOf } from './providers.ts';
import { resolveConfig } from './resolve.ts';
import { type ServiceSection, service } from './root.ts';
import { telemetrySettings } from './telemetry.ts';
import type { ConfiguredComponent, PipelineConfig, ServiceConfig } from './types.ts';

export interface LoadOptions {
  /** `--config` arguments. */
  readonly uris: readonly string[];
  /** `--set` arguments. */
  readonly sets?: readonly string[];
  /** `--feature-gates` arguments. */
  readonly featureGates?: readonly string[];
  /** `--plugin` arguments. */
  readonly plugins?: readonly string[];
  /** Held against the present rules of the collector: nothing is read in an older or our own way. */
  readonly strict?: boolean;
  /** The built-in components. */
  readonly registry: Registry;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly build: BuildInfo;
  /** `service.instance.id` of the process where the user sets none. */
  readonly instanceId?: string;
}

export interface LoadedConfig {
  readonly config: ServiceConfig;
  /** The same as plain data with all defaults, as it would be written; secrets are redacted unless `reveal`. */
  toPlain(reveal: boolean): Readonly<Record<string, unknown>>;
}

/** Texts that error messages may quote, by the name they have in positions. */
export type Sources = Map<string, string>;

/**
 * Reads a configuration from its sources to the checked, frozen result. Throws a ConfigError with everything that is
 * wrong. `sources` is filled with the texts that were read.
 */
export async function loadConfig(options: LoadOptions, sources: Sources = new Map()): Promise<LoadedConfig> {
  const strict = options.strict ?? false;
  const chosen = chooseFeatureGates(options.featureGates ?? [], strict);
  if ('error' in chosen) throw new ConfigError([{ section: '', message: chosen.error }]);
  const enabled = new Set(chosen.gates.filter((gate) => gate.enabled).map((gate) => gate.id));
  const findings: Findings = { faults: [], warnings: [...chosen.warnings], strict };
  const root = await resolveConfig(
    { uris: options.uris, sets: options.sets ?? [], append: enabled.has('confmap.enableMergeAppendOption') },
    {
      env: options.env,
      strict,
      keepSource: (name, text) => sources.set(name, text),
      warn: (line) => findings.warnings.includes(line) || findings.warnings.push(line),
    },
  );
  checkRootKeys(root, findings);
  const registry = await withPlugins(root, options, sources, findings);
  const written = await readComponents(root, registry, findings);
  const section = readService(root, findings);
  const declared = await withNamedExtensions(section.extensions, written, registry, findings);
  const extensions = resolveExtensions(section.extensions, declared, findings);
  const pipelines = readPipelines(root, section, declared, enabled, findings);
  checkDeclared(root, declared, enabled, findings);
  if (findings.faults.length === 0) checkBuild(pipelines, options.build, chosen.gates, findings);
  if (findings.faults.length > 0) throw new ConfigError(findings.faults, findings.warnings);
  const config: ServiceConfig = {
    components: componentsOf(declared),
    pipelines,
    extensions,
    telemetry: deepFreeze(telemetrySettings(section.telemetry, resourceDefaults(options))),
    featureGates: chosen.gates,
    warnings: findings.warnings,
  };
  return { config, toPlain: (reveal) => plainConfig(declared, section, reveal) };
}

function fault(findings: Findings, message: string, at?: Position, hint?: string): void {
  findings.faults.push({ at, section: '', message, hint, kind: 'key' });
}

/** `plugins`, a list of folders or package names, is the one key that the collector does not have. */
const PLUGINS = 'plugins';

function checkRootKeys(root: MapNode, findings: Findings): void {
  const known = [...Object.values(SECTION), 'service', ...(findings.strict ? [] : [PLUGINS])];
  for (const [key, { keyAt }] of root.entries) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const hint = near === undefined ? `known keys: ${known.join(', ')}` : `did you mean '${near}'?`;
    fault(findings, `'otelcol.configSettings' has invalid keys: ${key}`, keyAt, hint);
  }
}

async function withPlugins(
  root: MapNode,
  options: LoadOptions,
  sources: Sources,
  findings: Findings,
): Promise<Registry> {
  const node = findings.strict ? undefined : root.entries.get(PLUGINS)?.node;
  const schema = stringList('Folders or packages with further components.');
  const named = node === undefined ? [] : schema.decode(node, new SectionDecoder(findings, '', PLUGINS));
  const given = options.plugins ?? [];
  if (given.length + named.length === 0) return options.registry;
  try {
    const loaded = await Promise.all([
      ...given.map((name) => loadPlugin(name)),
      ...named.map((name, i) => loadPlugin(name, directoriesOf(placeOfItem(node, i), sources))),
    ]);
    return createRegistry([...options.registry.entries, ...loaded.flat()]);
  } catch (error) {
    fault(findings, (error as Error).message, node?.at);
    return options.registry;
  }
}

/** A list written as one string has one place. */
const placeOfItem = (node: ConfigNode | undefined, i: number) => (node?.kind === 'list' ? node.items[i] : node)?.at;

/** What a file names is beside it, or else in the working directory, as all that is named elsewhere. */
function directoriesOf(at: Position | undefined, sources: Sources): readonly string[] {
  const beside = at !== undefined && filesOf(sources).has(at.source) ? [dirname(resolve(at.source))] : [];
  return [...new Set([...beside, process.cwd()])];
}

function readService(root: MapNode, findings: Findings): ServiceSection {
  const written = root.entries.get('service')?.node;
  if (written === undefined) return service.absent();
  const before = findings.faults.length;
  const decoder = new SectionDecoder(findings, '', 'service');
  const node = withListedConnectors(written, decoder);
  const section = service.decode(node, decoder);
  if (findings.faults.length === before) validateSection(service, section, node, 'service', findings);
  return section;
}

function readPipelines(
  root: MapNode,
  section: ServiceSection,
  declared: Declarations,
  gates: ReadonlySet<string>,
  findings: Findings,
): readonly PipelineConfig[] {
  const before = findings.faults.length;
  const serviceNode = root.entries.get('service')?.node;
  const written = serviceNode?.kind === 'map' ? serviceNode.entries.get('pipelines')?.node : undefined;
  const rules = {
    allowNone: gates.has('service.AllowNoPipelines') || hasContent(written),
    allowProfiles: gates.has('service.profilesSupport'),
  };
  const pipelines = resolvePipelines(section.pipelines, declared, rules, findings);
  checkSignals(pipelines, findings);
  // With a pipeline missing, every connector to it would seem to be misused.
  if (findings.faults.length === before && pipelines.length === entriesOf(written))
    checkConnectors(pipelines, findings);
  return pipelines;
}

/** True where something was written, however wrong: then that is the fault, not that nothing is there. */
function hasContent(node: ConfigNode | undefined): boolean {
  return node !== undefined && !isNull(node) && (node.kind !== 'map' || node.entries.size > 0);
}

function entriesOf(node: ConfigNode | undefined): number {
  return node?.kind === 'map' ? node.entries.size : 0;
}

function checkDeclared(root: MapNode, declared: Declarations, gates: ReadonlySet<string>, findings: Findings): void {
  const has = (kind: 'receiver' | 'exporter'): boolean => entriesOf(root.entries.get(SECTION[kind])?.node) > 0;
  if (root.entries.size === 0) fault(findings, 'empty configuration file');
  else if (!gates.has('service.AllowNoPipelines')) {
    if (!has('receiver')) fault(findings, 'no receiver configuration specified in config');
    if (!has('exporter')) fault(findings, 'no exporter configuration specified in config');
  }
  checkAmbiguousIds(declared, findings);
}

function componentsOf(declared: Declarations): readonly ConfiguredComponent[] {
  return COMPONENT_KINDS.flatMap((kind) => [...declared[kind].values()].filter((c) => c !== undefined));
}

function resourceDefaults({ build, instanceId }: LoadOptions): Readonly<Record<string, string>> {
  return {
    'service.name': build.command,
    'service.version': build.version,
    'service.instance.id': instanceId ?? crypto.randomUUID(),
  };
}

function plainConfig(
  declared: Declarations,
  section: ServiceSection,
  reveal: boolean,
): Readonly<Record<string, unknown>> {
  const plain: Record<string, unknown> = {};
  for (const kind of COMPONENT_KINDS) {
    const components = [...declared[kind].values()].filter((c) => c !== undefined);
    plain[SECTION[kind]] = Object.fromEntries(
      components.map((c) => [c.id, c.factory.config.toPlain(c.config, reveal)]),
    );
  }
  return { ...plain, service: service.toPlain(section, reveal) };
}
