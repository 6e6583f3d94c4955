import {
  COMPONENT_KINDS,
  type ComponentId,
  type ComponentKind,
  formatComponentId,
  parseComponentId,
} from '../../core/component-id.ts';
import { type Findings, readSection } from '../../core/config/decoder.ts';
import { formatPosition } from '../../core/config/fault.ts';
import { nearest } from '../../core/config/nearest.ts';
import { type ConfigNode, goKind, goType, isNull, type MapNode, type Position } from '../../core/config/node.ts';
import type { Factory } from '../../core/factory.ts';
import { createRegistry, type Registry } from '../registry.ts';
import type { Reference } from './root.ts';
import type { ConfiguredComponent } from './types.ts';

/** The key of the section that declares components of a kind. */
export const SECTION: Readonly<Record<ComponentKind, string>> = {
  receiver: 'receivers',
  processor: 'processors',
  exporter: 'exporters',
  connector: 'connectors',
  extension: 'extensions',
};

/** What the configuration declares of one kind, by id. Undefined where it is declared but cannot be used. */
export type Declared = ReadonlyMap<string, ConfiguredComponent | undefined>;
export type Declarations = Readonly<Record<ComponentKind, Declared>>;

/** Types that were replaced by others which take the same place. */
const REPLACED: Readonly<Partial<Record<ComponentKind, Readonly<Record<string, string>>>>> = {
  exporter: { logging: 'debug' },
};

/** Decodes the components of all sections; only the code of types that are named gets loaded. */
export async function readComponents(root: MapNode, registry: Registry, findings: Findings): Promise<Declarations> {
  const known = findings.strict ? createRegistry(registry.entries.filter(({ ours }) => ours !== true)) : registry;
  const reader = new ComponentReader(known, findings);
  const kinds = COMPONENT_KINDS.map(async (kind) => {
    const node = root.entries.get(SECTION[kind])?.node;
    return [kind, node === undefined ? new Map() : await reader.section(kind, node)] as const;
  });
  return Object.fromEntries(await Promise.all(kinds)) as Record<ComponentKind, Declared>;
}

/** Extensions that need no settings; where `service::extensions` names them, old configurations do not declare them. */
const BY_NAME: readonly string[] = ['health_check', 'pprof', 'zpages'];

/** The declarations, with those of extensions that `service::extensions` names and that need no settings. */
export async function withNamedExtensions(
  references: readonly Reference[],
  declared: Declarations,
  registry: Registry,
  findings: Findings,
): Promise<Declarations> {
  const missing = references.filter(({ id }) => BY_NAME.includes(id) && !declared.extension.has(id));
  const [first] = missing;
  if (first === undefined || findings.strict) return declared;
  const ids = [...new Set(missing.map(({ id }) => id))].join(', ');
  const message = `'service.extensions' names ${ids} without a declaration, read as 'extensions: {${ids}}'`;
  findings.warnings.push(`${formatPosition(first.at)}: ${message}`);
  const nothing = (at: Position): ConfigNode => ({ kind: 'scalar', value: null, at });
  const entries = new Map(missing.map(({ id, at }) => [id, { keyAt: at, node: nothing(at) }]));
  const reader = new ComponentReader(registry, findings);
  const added = await reader.section('extension', { kind: 'map', entries, at: first.at });
  return { ...declared, extension: new Map([...declared.extension, ...added]) };
}

interface Declaration {
  readonly id: ComponentId;
  readonly text: string;
  readonly at: Position;
  readonly node: ConfigNode;
}

class ComponentReader {
  readonly #registry: Registry;
  readonly #findings: Findings;

  constructor(registry: Registry, findings: Findings) {
    this.#registry = registry;
    this.#findings = findings;
  }

  async section(kind: ComponentKind, node: ConfigNode): Promise<Declared> {
    if (isNull(node)) return new Map();
    if (node.kind !== 'map') {
      this.#fault(node.at, `'${SECTION[kind]}' expected a map or struct, got ${JSON.stringify(goKind(node))}`);
      return new Map();
    }
    const declarations = this.#declarations(kind, node);
    const factories = await Promise.all(declarations.map((d) => this.#factory(kind, d)));
    const declared = new Map<string, ConfiguredComponent | undefined>();
    for (const [i, declaration] of declarations.entries()) {
      const factory = factories[i];
      const id = formatComponentId(declaration.id);
      declared.set(id, factory === undefined ? undefined : this.#component(kind, id, declaration, factory));
    }
    return declared;
  }

  #declarations(kind: ComponentKind, node: MapNode): readonly Declaration[] {
    const declarations = new Map<string, Declaration>();
    for (const [text, { keyAt, node: body }] of node.entries) {
      const id = parseComponentId(text);
      if ('error' in id) {
        this.#fault(keyAt, `'${SECTION[kind]}' ${id.error}`);
        continue;
      }
      const plain = formatComponentId(id);
      if (declarations.has(plain)) {
        this.#fault(keyAt, `'${SECTION[kind]}' duplicate name ${JSON.stringify(text)} after unmarshaling ${plain}`);
      } else declarations.set(plain, { id, text, at: keyAt, node: body });
    }
    return [...declarations.values()];
  }

  async #factory(kind: ComponentKind, { id, at }: Declaration): Promise<Factory | undefined> {
    const found = await (this.#registry.find(kind, id.type) ?? this.#replacement(kind, id, at));
    if (found === undefined) this.#unknownType(kind, id, at);
    else if (found.ours !== undefined) {
      this.#findings.warnings.push(`${formatPosition(at)}: ${kind} '${id.type}' ${found.ours}`);
    }
    return found;
  }

  #replacement(kind: ComponentKind, id: ComponentId, at: Position): Promise<Factory> | undefined {
    const type = REPLACED[kind]?.[id.type];
    if (type === undefined || this.#findings.strict) return undefined;
    const factory = this.#registry.find(kind, type);
    if (factory !== undefined) {
      this.#findings.warnings.push(
        `${formatPosition(at)}: ${kind} '${id.type}' is of older collectors, read as '${type}'`,
      );
    }
    return factory;
  }

  #unknownType(kind: ComponentKind, id: ComponentId, at: Position): void {
    if (kind === 'exporter' && id.type === 'logging') {
      this.#fault(at, "'exporters' the logging exporter has been deprecated, use the debug exporter instead");
      return;
    }
    const types = this.#registry.types(kind);
    const shown = `${JSON.stringify(id.type)} for id: ${JSON.stringify(formatComponentId(id))}`;
    const message = `'${SECTION[kind]}' unknown type: ${shown} (valid values: [${types.join(' ')}])`;
    const other = COMPONENT_KINDS.find((k) => k !== kind && this.#registry.types(k).includes(id.type));
    const near = nearest(id.type, types);
    const hint = near === undefined ? undefined : `did you mean '${near}'?`;
    this.#fault(at, message, other === undefined ? hint : `'${id.type}' belongs under ${SECTION[other]}`);
  }

  #component(
    kind: ComponentKind,
    id: string,
    declaration: Declaration,
    factory: Factory,
  ): ConfiguredComponent | undefined {
    const { node, at } = declaration;
    if (node.kind !== 'map' && !isNull(node)) {
      const type = goType(node);
      const message = `expected type 'map[string]interface {}', got unconvertible type '${type}'`;
      // a text in place of a section may be the secret that belongs into it
      this.#findings.faults.push({
        section: '',
        message: `'${SECTION[kind]}[${id}]' ${message}`,
        at: node.at,
        kind: 'secret',
      });
      return undefined;
    }
    const before = this.#findings.faults.length;
    const config: unknown = readSection(factory.config, node, `${SECTION[kind]}::${id}`, this.#findings);
    if (this.#findings.faults.length > before) return undefined;
    return { kind, id, name: declaration.id.name, factory, config, at };
  }

  #fault(at: Position, message: string, hint?: string): void {
    this.#findings.faults.push({ at, section: '', message, hint, kind: 'key' });
  }
}
