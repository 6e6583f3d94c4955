import { Attributes } from '../otlp/readers/attributes.ts';
import type { Groups } from '../otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../otlp/readers/scope.ts';
import { ValueReader, ValueType, valueText } from '../otlp/value.ts';
import { AttributesMatcher } from './attributes.ts';
import type { BytesMatcher } from './bytes-matcher.ts';
import type { MatchProperties } from './config.ts';
import { textMatcher } from './texts.ts';

const SERVICE_NAME = Buffer.from('service.name');
/** What the collector takes for the name of a service that has none. */
const NO_SERVICE_NAME = '<nil-service-name>';

/** The matcher of a list of texts, undefined for an empty list; errors say what it was for. */
export function textsOf(texts: readonly string[], properties: MatchProperties, what: string): BytesMatcher | undefined {
  return texts.length === 0 ? undefined : making(what, () => textMatcher(texts, properties));
}

function making<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`error creating ${what} filters: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The properties of resource, scope and attributes. What concerns a resource or a scope is decided once for all its
 * items: `matches` holds for the group the walk is in.
 */
export class GroupMatcher {
  /** Whether resource and scope are as wanted. */
  matches = false;
  readonly attributes: AttributesMatcher | undefined;

  #resourceMatches = false;
  readonly #services: BytesMatcher | undefined;
  readonly #resources: AttributesMatcher | undefined;
  readonly #libraries: readonly { readonly name: BytesMatcher; readonly version: BytesMatcher | undefined }[];
  readonly #list = new Attributes();
  readonly #scope = new ScopeReader();
  readonly #value = new ValueReader();

  /** Throws the collector's message. */
  constructor(properties: MatchProperties) {
    this.#libraries = properties.libraries.map(({ name, version }) => ({
      name: making('library name', () => textMatcher([name], properties)),
      version: version === undefined ? undefined : textsOf([version], properties, 'library version'),
    }));
    const { attributes, resources } = properties;
    const matcherOf = (wanted: typeof attributes) => new AttributesMatcher(wanted, properties);
    if (attributes.length > 0) this.attributes = making('attribute', () => matcherOf(attributes));
    if (resources.length > 0) this.#resources = making('resource', () => matcherOf(resources));
    this.#services = textsOf(properties.services, properties, 'service name');
  }

  enterResource({ buffer, resourceStart, resourceEnd }: Groups): void {
    const list = this.#list.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES);
    this.#resourceMatches =
      (this.#services === undefined || this.#isService(this.#services, list)) &&
      (this.#resources === undefined || this.#resources.matches(list));
  }

  enterScope({ buffer, scopeStart, scopeEnd }: Groups): void {
    this.matches = this.#resourceMatches;
    if (!this.matches || this.#libraries.length === 0) return;
    const scope = this.#scope.read(buffer, scopeStart, scopeEnd);
    for (const { name, version } of this.#libraries) {
      this.matches &&= name.test(buffer, scope.nameStart, scope.nameEnd);
      this.matches &&= version === undefined || version.test(buffer, scope.versionStart, scope.versionEnd);
    }
  }

  #isService(services: BytesMatcher, list: Attributes): boolean {
    if (!list.find(SERVICE_NAME)) return services.testText(NO_SERVICE_NAME);
    return testValue(services, this.#value, list.buffer, list.valueStart, list.valueEnd);
  }
}

/** Tests the text of an encoded AnyValue. */
export function testValue(
  matcher: BytesMatcher,
  reader: ValueReader,
  buffer: Buffer,
  start: number,
  end: number,
): boolean {
  const value = reader.read(buffer, start, end);
  return value.type === ValueType.STRING
    ? matcher.test(buffer, value.start, value.end)
    : matcher.testText(valueText(buffer, start, end));
}
