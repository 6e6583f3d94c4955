import { Service } from './service.ts';

const POLL_MS = 50;
const READY_TIMEOUT_MS = 60_000;
const ORGANIZATION = 'weir';
const BUCKET = 'first';
const TOKEN = 'test-token';

export interface InfluxDbOptions {
  readonly port?: number;
  readonly org?: string;
  /** The one that is there from the beginning. */
  readonly bucket?: string;
}

/** A row of an answer to a Flux query: columns by name, as text. */
export type Row = Readonly<Record<string, string>>;

/** A real InfluxDB 2 with an organization; each test has a bucket of its own. It keeps its data over a restart. */
export class InfluxDb implements AsyncDisposable {
  readonly service: Service;
  readonly org: string;
  readonly token = TOKEN;
  #orgId = '';

  private constructor(service: Service, org: string) {
    this.service = service;
    this.org = org;
  }

  static async start({ port, org = ORGANIZATION, bucket = BUCKET }: InfluxDbOptions = {}): Promise<InfluxDb> {
    const influx = new InfluxDb(await Service.start('influxdb', {}, port), org);
    await influx.#ready();
    const names = { username: 'admin', password: 'test-password', org, bucket, token: TOKEN };
    const made = (await influx.#call('setup', names)) as { org: { id: string } };
    influx.#orgId = made.org.id;
    return influx;
  }

  get url(): string {
    return `http://${this.service.address}`;
  }

  async restart(): Promise<void> {
    await this.service.restart();
    await this.#ready();
  }

  async bucket(name: string): Promise<string> {
    await this.#call('buckets', { orgID: this.#orgId, name, retentionRules: [] });
    return name;
  }

  /** The rows of all tables, in their order. */
  async query(flux: string): Promise<Row[]> {
    const dialect = { header: true, annotations: [] };
    return rowsOf(String(await this.#call(`query?org=${this.org}`, { query: flux, dialect })));
  }

  /** Every point of a measurement with its tags and fields; times as RFC 3339. */
  points(bucket: string, measurement: string): Promise<Row[]> {
    return this.query(`
      from(bucket: ${JSON.stringify(bucket)}) |> range(start: 1900-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)
        |> filter(fn: (r) => r._measurement == ${JSON.stringify(measurement)})
        |> map(fn: (r) => ({r with _value: string(v: r._value)}))`);
  }

  /** How many values of a field there are. */
  async count(bucket: string, field: string): Promise<number> {
    const rows = await this.query(`
      from(bucket: ${JSON.stringify(bucket)}) |> range(start: 1900-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)
        |> filter(fn: (r) => r._field == ${JSON.stringify(field)}) |> group() |> count()`);
    return Number(rows[0]?._value ?? 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.service[Symbol.asyncDispose]();
  }

  async #call(path: string, body: object): Promise<unknown> {
    const headers = { authorization: `Token ${TOKEN}`, 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}/api/v2/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return answer.headers.get('content-type')?.startsWith('application/json') === true ? JSON.parse(text) : text;
  }

  /** It answers a moment after it listens. */
  async #ready(): Promise<void> {
    const end = performance.now() + READY_TIMEOUT_MS;
    while (!(await fetch(`${this.url}/health`)).ok) {
      if (performance.now() > end) throw new Error('InfluxDB is not ready');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** CSV of several tables: each begins with its header, an empty line is between them. */
function rowsOf(csv: string): Row[] {
  const rows: Row[] = [];
  let header: readonly string[] | undefined;
  for (const cells of records(csv)) {
    if (cells.length <= 1) header = undefined;
    else if (header === undefined) header = cells;
    else rows.push(Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ''])));
  }
  return rows;
}

/** RFC 4180. */
function records(csv: string): string[][] {
  const found: string[][] = [];
  let cells: string[] = [];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    cells.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    found.push(cells);
    cells = [];
  }
  return found;
}
