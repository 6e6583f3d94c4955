import { Service } from './service.ts';

const POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;

/** One series of an answer: its labels, and its last value or all of them with their times in seconds. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
  readonly histogram?: readonly [number, Histogram];
}

/** A native histogram; each bucket has the kind of its bounds, the bounds and the count. */
export interface Histogram {
  readonly count: string;
  readonly sum: string;
  readonly buckets?: readonly (readonly [number, string, string, string])[];
}

/** A real Prometheus that takes remote writes, and scrapes what `scrape_configs` say. */
export class Prometheus implements AsyncDisposable {
  readonly service: Service;

  private constructor(service: Service) {
    this.service = service;
  }

  static async start(scrapeConfigs = ''): Promise<Prometheus> {
    const prometheus = new Prometheus(await Service.start('prometheus', { SCRAPE_CONFIG: scrapeConfigs }));
    await prometheus.ready();
    return prometheus;
  }

  get url(): string {
    return `http://${this.service.address}`;
  }

  get writeUrl(): string {
    return `${this.url}/api/v1/write`;
  }

  /** Resolves when it answers queries, which is after it listens. */
  async ready(): Promise<void> {
    const end = performance.now() + READY_TIMEOUT_MS;
    while (!(await fetch(`${this.url}/-/ready`)).ok) {
      if (performance.now() > end) throw new Error('Prometheus is not ready');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** The series a query gives at a time, in seconds; now where there is none. */
  async query(query: string, time?: number): Promise<Series[]> {
    const { result } = await this.api('query', { query, ...(time !== undefined && { time: String(time) }) });
    return result;
  }

  /** One of the endpoints under /api/v1, such as `metadata`, `query_exemplars`, `targets`. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of another program, read by tests
  async api(endpoint: string, parameters: Readonly<Record<string, string>> = {}): Promise<any> {
    const answer = await fetch(`${this.url}/api/v1/${endpoint}?${new URLSearchParams(parameters)}`);
    // biome-ignore lint/suspicious/noExplicitAny: as above
    const { status, data, error } = (await answer.json()) as any;
    if (status !== 'success') throw new Error(`${endpoint}: ${error}`);
    return data;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.service[Symbol.asyncDispose]();
  }
}
