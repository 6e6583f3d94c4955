import type { ClickHouse } from '../../core/clickhouse/client.ts';
import { openClickHouse } from '../../core/clickhouse/open.ts';
import { readRows } from '../../core/clickhouse/read.ts';
import { systemClock } from '../../core/clock.ts';
import type { Exporter } from '../../core/component.ts';
import { readYaml } from '../../core/config/read.ts';
import { countItems } from '../../core/otlp/readers/groups.ts';
import { encodeTree, type Span, type TreeOf } from '../../core/otlp/tree.ts';
import type { Signal } from '../../core/signal.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { TEST_BUILD, type TestSettings, testSettings } from '../../core/testing/settings.ts';
import { config } from '../../exporters/clickhouse/config.ts';
import { clickhouseExporter } from '../../exporters/clickhouse/exporter.ts';

/** A ClickHouse that a suite runs on: the keys of its connection as YAML. */
export interface Backend {
  readonly connection: string;
  close(): Promise<void>;
}

/** An exporter with its settings, on a database of its own. */
export class Subject implements AsyncDisposable {
  readonly settings: TestSettings;
  readonly exporter: Exporter;
  readonly client: ClickHouse;
  readonly database: string;

  private constructor(connection: string, database: string, yaml: string) {
    this.database = database;
    const parsed = readYaml(config, `${connection}\ndatabase: ${database}\n${yaml}\n`);
    const options = { id: 'clickhouse', kind: 'exporter', signals: ['traces', 'logs', 'metrics'] } as const;
    this.settings = { ...testSettings(options), clock: systemClock as never };
    this.exporter = clickhouseExporter(this.settings, parsed);
    this.client = openClickHouse(parsed, { random: Math.random, build: TEST_BUILD });
  }

  static async start(connection: string, database: string, yaml = ''): Promise<Subject> {
    const subject = new Subject(connection, database, `sending_queue: {enabled: false}\n${yaml}`);
    await subject.exporter.start(new NopHost());
    return subject;
  }

  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return readRows(this.client, sql);
  }

  /** What a query of one row and one column gives, as text. */
  async value(sql: string): Promise<string> {
    const [row] = await this.rows(sql);
    return String(Object.values(row ?? {})[0]);
  }

  table(name: string): string {
    return `\`${this.database}\`.\`${name}\``;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.exporter.shutdown();
    await this.client.close();
  }
}

export function batchOf<S extends Signal>(signal: S, tree: TreeOf[S]): Telemetry {
  return batchFrom(signal, encodeTree(signal, tree));
}

export function batchFrom(signal: Signal, bytes: Buffer): Telemetry {
  return Telemetry.of(signal, bytes, countItems(signal, Telemetry.of(signal, bytes, 0)));
}

export function span(name: string, id: number, more: Partial<Span> = {}): Span {
  const spanId = Buffer.alloc(8);
  spanId.writeBigUInt64BE(BigInt(id + 1));
  return {
    traceId: Buffer.alloc(16, 1),
    spanId,
    traceState: '',
    parentSpanId: Buffer.alloc(0),
    flags: 0,
    name,
    kind: 2,
    startTimeUnixNano: 1_790_000_000_000_000_000n + BigInt(id),
    endTimeUnixNano: 1_790_000_000_100_000_000n,
    attributes: [],
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: undefined,
    ...more,
  };
}

export const RESOURCE = {
  attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }],
  droppedAttributesCount: 0,
  entityRefs: [],
};

export function spans(list: readonly Span[]): Telemetry {
  const scopeSpans = [{ scope: undefined, spans: [...list], schemaUrl: '' }];
  return batchOf('traces', { resourceSpans: [{ resource: RESOURCE, scopeSpans, schemaUrl: '' }] });
}
