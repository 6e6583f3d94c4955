import type { Settings } from '../../core/component.ts';
import { compileGlob } from '../../core/glob.ts';
import { AttributeList } from '../../core/otlp/build/attribute-list.ts';
import type { Attributes } from '../../core/otlp/readers/attributes.ts';
import type { ScopeReader } from '../../core/otlp/readers/scope.ts';
import { type SpanReader, SpanStatus } from '../../core/otlp/readers/span.ts';
import { encodeString, encodeUtf8 } from '../../core/otlp/value-encode.ts';
import { attributesMatching, type FoundAttribute } from '../../core/series/attribute-globs.ts';
import { AttributeLookup } from '../../core/series/attribute-lookup.ts';
import { KeyWriter } from '../../core/series/key-writer.ts';
import type { KnownResource } from '../../core/series/known-resources.ts';
import { type Config, type Dimension, GLOB_SEPARATOR, INSTANCE_GATE, STATUS_GATE } from './config.ts';

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map((k) =>
  encodeString(`SPAN_KIND_${k}`),
);
const STATUSES = ['UNSET', 'OK', 'ERROR'].map((s) => encodeString(`STATUS_CODE_${s}`));
/** Of numbers that nobody knows, of kinds and of codes. */
const UNKNOWN = encodeString('');
const ZERO_DIGIT = 0x30;

interface Named {
  readonly key: Buffer;
  /** In the lookups. */
  readonly index: number;
  readonly fallback: Buffer | undefined;
}

/** The dimensions of one list of the configuration. */
interface DimensionList {
  readonly named: readonly Named[];
  readonly globs: readonly ((name: string) => boolean)[];
}

/** The dimensions of a metric: those of all metrics, then its own. */
export type MetricDimensions = readonly DimensionList[];

/**
 * Which series a span, or an event of it, belongs to: `resource`, `scope` and `at` say where it is, then `keyOf` makes
 * the key of its series and, where that is new, `attributesOf` the attributes.
 */
export class Identity {
  readonly calls: MetricDimensions;
  readonly duration: MetricDimensions;
  readonly events: MetricDimensions;
  /** No metric has dimensions of its own, so calls and durations have the same series. */
  readonly shared: boolean;
  /** What `keyOf` returns. */
  readonly keys: KeyWriter;

  readonly #names: readonly Buffer[];
  readonly #spanLookup: AttributeLookup;
  readonly #eventLookup: AttributeLookup;
  readonly #excluded: ReadonlySet<string>;
  readonly #withService: boolean;
  readonly #withName: boolean;
  readonly #withKind: boolean;
  readonly #withStatus: boolean;
  readonly #scopes: ReadonlySet<string>;
  readonly #samplingMethod: boolean;
  readonly #otelStatus: boolean;
  readonly #instanceId: Buffer | undefined;

  #resource!: KnownResource;
  #scope!: ScopeReader;
  #span!: SpanReader;
  #event: Attributes | undefined;
  #adjusted = false;
  #buffer!: Buffer;
  #start = 0;
  #end = 0;

  constructor(settings: Settings, config: Config) {
    const names = new Map<string, number>();
    const compile = (dimensions: readonly Dimension[]): DimensionList => compileList(dimensions, names);
    const all = compile(config.dimensions);
    this.calls = [all, compile(config.calls_dimensions)];
    this.duration = [all, compile(config.histogram.dimensions)];
    this.events = [all, compile(config.events.dimensions)];
    this.shared = config.calls_dimensions.length === 0 && config.histogram.dimensions.length === 0;
    this.#names = [...names.keys()].map((name) => Buffer.from(name));
    this.#spanLookup = this.lookup();
    this.#eventLookup = this.lookup();
    this.keys = new KeyWriter(settings.random() * 0x1_0000_0000);
    this.#excluded = new Set(config.exclude_dimensions);
    this.#scopes = new Set(config.include_instrumentation_scope.filter((name) => name !== ''));
    this.#samplingMethod = config.enable_metrics_sampling_method;
    this.#otelStatus = settings.featureGate(STATUS_GATE);
    this.#withService = !this.#excluded.has('service.name');
    this.#withName = !this.#excluded.has('span.name');
    this.#withKind = !this.#excluded.has('span.kind');
    this.#withStatus = !this.#excluded.has(this.#otelStatus ? 'otel.status_code' : 'status.code');
    if (settings.featureGate(INSTANCE_GATE)) {
      const { resource } = settings;
      this.#instanceId = encodeString(resource['collector.instance.id'] ?? resource['service.instance.id'] ?? '');
    }
  }

  /** A new lookup of all dimensions that have a name. */
  lookup(): AttributeLookup {
    return new AttributeLookup(this.#names);
  }

  resource(resource: KnownResource): void {
    this.#resource = resource;
  }

  scope(scope: ScopeReader): void {
    this.#scope = scope;
  }

  /** `adjusted`: the span stands for others that were not sampled. */
  at(span: SpanReader, adjusted: boolean): void {
    this.#span = span;
    this.#adjusted = adjusted;
    this.#event = undefined;
    this.#spanLookup.scan(span.attributes);
  }

  /** From here to the next `at`, of the span's events the one with these attributes is meant. */
  atEvent(attributes: Attributes): void {
    this.#event = attributes;
    this.#eventLookup.scan(attributes);
  }

  keyOf(dimensions: MetricDimensions): KeyWriter {
    const { keys } = this;
    const { buffer, nameStart, nameEnd, kind, statusCode } = this.#span;
    keys.begin();
    if (this.#withService) {
      const { serviceName } = this.#resource;
      keys.copy(serviceName, 0, serviceName.length);
    }
    if (this.#withName) {
      keys.byte(0);
      keys.copy(buffer, nameStart, nameEnd);
    }
    if (this.#withKind) {
      keys.byte(0);
      if (KINDS[kind] !== undefined) keys.byte(ZERO_DIGIT + kind);
    }
    if (this.#withStatus) {
      keys.byte(0);
      if (STATUSES[statusCode] !== undefined) keys.byte(ZERO_DIGIT + statusCode);
    }
    for (const { named, globs } of dimensions) {
      for (const dimension of named) {
        if (!this.#find(dimension)) continue;
        keys.byte(0);
        keys.byte(dimension.index);
        keys.byte(dimension.index >> 8);
        keys.valueText(this.#buffer, this.#start, this.#end);
      }
      if (globs.length > 0) this.#addGlobs(globs);
    }
    if (this.#samplingMethod) keys.byte(this.#adjusted ? 1 : 0);
    keys.finish();
    return keys;
  }

  attributesOf(dimensions: MetricDimensions): Buffer {
    const list = new AttributeList();
    this.#putBuiltIn(list);
    for (const { named, globs } of dimensions) {
      for (const dimension of named) {
        if (this.#find(dimension)) list.put(dimension.key, this.#buffer.subarray(this.#start, this.#end));
      }
      if (globs.length === 0) continue;
      for (const { key, buffer, start, end } of this.#chosenBy(globs)) list.put(key, buffer.subarray(start, end));
    }
    return list.encode();
  }

  #putBuiltIn(list: AttributeList): void {
    const { buffer, nameStart, nameEnd, kind, statusCode } = this.#span;
    const put = (key: string, value: Buffer): void => {
      if (!this.#excluded.has(key)) list.put(Buffer.from(key), value);
    };
    put('service.name', encodeUtf8(this.#resource.serviceName));
    put('span.name', encodeUtf8(buffer.subarray(nameStart, nameEnd)));
    put('span.kind', KINDS[kind] ?? UNKNOWN);
    if (!this.#otelStatus) put('status.code', STATUSES[statusCode] ?? UNKNOWN);
    else if (statusCode === SpanStatus.ERROR) put('otel.status_code', encodeString('ERROR'));
    else if (statusCode === SpanStatus.OK) put('otel.status_code', encodeString('OK'));
    if (this.#instanceId !== undefined) put('collector.instance.id', this.#instanceId);
    const scope = this.#scope;
    if (this.#scopes.size > 0 && this.#scopes.has(scope.name)) {
      list.put(Buffer.from('span.instrumentation.scope.name'), encodeString(scope.name));
      if (scope.version !== '')
        list.put(Buffer.from('span.instrumentation.scope.version'), encodeString(scope.version));
    }
    if (!this.#samplingMethod) return;
    list.put(Buffer.from('sampling.method'), encodeString(this.#adjusted ? 'extrapolated' : 'counted'));
  }

  /** Looks in the span, the event and the resource, then for the default. */
  #find({ index, fallback }: Named): boolean {
    if (this.#take(this.#spanLookup, index)) return true;
    if (this.#event !== undefined && this.#take(this.#eventLookup, index)) return true;
    if (this.#take(this.#resource.lookup, index)) return true;
    if (fallback === undefined) return false;
    this.#buffer = fallback;
    this.#start = 0;
    this.#end = fallback.length;
    return true;
  }

  #take({ buffer, starts, ends }: AttributeLookup, index: number): boolean {
    const start = starts[index] as number;
    if (start < 0) return false;
    this.#buffer = buffer;
    this.#start = start;
    this.#end = ends[index] as number;
    return true;
  }

  #addGlobs(globs: DimensionList['globs']): void {
    for (const { key, buffer, start, end } of this.#chosenBy(globs)) {
      this.keys.byte(0);
      this.keys.copy(key, 0, key.length);
      this.keys.byte(0);
      this.keys.valueText(buffer, start, end);
    }
  }

  #chosenBy(globs: DimensionList['globs']): readonly FoundAttribute[] {
    const resource = this.#resource.attributes;
    const beside = this.#event === undefined ? [resource] : [this.#event, resource];
    return attributesMatching(globs, [[this.#span.attributes], beside]);
  }
}

function compileList(dimensions: readonly Dimension[], names: Map<string, number>): DimensionList {
  const named = dimensions
    .filter(({ name }) => name !== '')
    .map(({ name, default: fallback }) => {
      const index = names.get(name) ?? names.size;
      names.set(name, index);
      return { key: Buffer.from(name), index, fallback: fallback === undefined ? undefined : encodeString(fallback) };
    });
  const globs = dimensions.filter(({ glob }) => glob !== '').map(({ glob }) => compileGlob(glob, GLOB_SEPARATOR));
  return { named, globs };
}
