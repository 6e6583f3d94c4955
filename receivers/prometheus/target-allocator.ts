import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { httpSdConfig } from '../../core/prometheus/discovery/http.ts';
import { PrometheusHttpClient } from '../../core/prometheus/http-client-config/client.ts';
import { type HttpClientConfig, httpClientConfig } from '../../core/prometheus/http-client-config/config.ts';
import type { ScrapeConfig } from '../../core/prometheus/scrape/config.ts';
import { readJobs } from '../../core/prometheus/scrape/config-files.ts';
import type { GlobalConfig } from '../../core/prometheus/scrape/global-config.ts';
import type { TargetAllocatorConfig } from './target-allocator-config.ts';

/** Jobs of a whole cluster; more is a mistake of the server. */
const MAX_BODY = 64 * 1024 * 1024;
/** After a failure it is asked again this soon. */
const RETRY_MS = 1000;

export interface AllocatorSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly userAgent: string;
  readonly global: GlobalConfig;
  /** Gets all jobs when they have changed. */
  readonly onJobs: (jobs: readonly ScrapeConfig[]) => void;
}

/** Asks a target allocator again and again what to scrape. */
export class TargetAllocator {
  readonly #config: TargetAllocatorConfig;
  readonly #settings: AllocatorSettings;
  readonly #client: PrometheusHttpClient;
  readonly #http: HttpClientConfig;
  #timer: Timer | undefined;
  #last = '';
  #failing = false;
  #stopped = false;

  constructor(config: TargetAllocatorConfig, settings: AllocatorSettings) {
    this.#config = config;
    this.#settings = settings;
    this.#http = clientOf(config);
    this.#client = new PrometheusHttpClient(this.#http, settings);
  }

  /** Throws where certificates cannot be read. */
  start(): void {
    this.#client.start();
    this.#settings.logger.info('Starting target allocator discovery');
    void this.#ask();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#client.close();
  }

  async #ask(): Promise<void> {
    try {
      const answer = await this.#answer();
      if (answer !== this.#last && !this.#stopped) this.#take(answer);
      if (this.#failing) this.#settings.logger.info('target allocator answers again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing && !this.#stopped) this.#settings.logger.error('Failed to retrieve job list', { error });
      this.#failing = true;
    }
    if (this.#stopped) return;
    const wait = this.#failing ? Math.min(RETRY_MS, this.#config.interval) : this.#config.interval;
    this.#timer = this.#settings.clock.after(wait, () => void this.#ask());
  }

  async #answer(): Promise<string> {
    const { endpoint, timeout, interval } = this.#config;
    const url = `${endpoint.replace(/\/$/, '')}/scrape_configs`;
    const answer = await this.#client.get(url, { timeoutMs: timeout || interval, maxBytes: MAX_BODY });
    if (answer.status !== 200) {
      answer.discard();
      throw new Error(`server returned HTTP status ${answer.status} ${answer.statusText}`);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    return Buffer.concat(chunks)
      .toString()
      .replaceAll('$(SHARD)', process.env.SHARD ?? '0');
  }

  #take(answer: string): void {
    const { global, onJobs } = this.#settings;
    const { configs, faults } = readJobs(answer, 'target_allocator', global);
    if (faults.length > 0) throw new Error(faults.join('; '));
    this.#last = answer;
    onJobs(configs.map((config) => this.#withTargets(config)));
  }

  /** The job with the allocator as the only source of its targets. */
  #withTargets(config: ScrapeConfig): ScrapeConfig {
    const { endpoint, collector_id: id, http_sd_config: sd, http_scrape_config: scrape } = this.#config;
    const job = encodeURIComponent(config.job_name);
    const url = `${endpoint.replace(/\/$/, '')}/jobs/${job}/targets?collector_id=${id}`;
    const asked = { ...(sd ?? httpSdConfig.absent()), ...(sd === undefined ? { refresh_interval: 30_000 } : {}) };
    const { tls_config, proxy_url } = this.#http;
    const source = { ...asked, url, tls_config, proxy_url, follow_redirects: false };
    const none = { static_configs: [], file_sd_configs: [], dns_sd_configs: [], kubernetes_sd_configs: [] };
    return { ...config, ...none, http_sd_configs: [source], ...scrape };
  }
}

/** The collector's section as Prometheus's. */
function clientOf({ tls, proxy_url, headers }: TargetAllocatorConfig): HttpClientConfig {
  const defaults = httpClientConfig.absent();
  const version = (text: string) => (text === '' ? '' : `TLS${text.replace('.', '')}`);
  return {
    ...defaults,
    follow_redirects: false,
    proxy_url,
    tls_config: {
      ...defaults.tls_config,
      ca: tls.ca_pem?.reveal() ?? '',
      ca_file: tls.ca_file,
      cert: tls.cert_pem?.reveal() ?? '',
      cert_file: tls.cert_file,
      key: tls.key_pem,
      key_file: tls.key_file,
      server_name: tls.server_name_override,
      insecure_skip_verify: tls.insecure_skip_verify,
      min_version: version(tls.min_version),
      max_version: version(tls.max_version),
    },
    http_headers: Object.fromEntries(
      [...headers].map(([name, value]) => [name, { values: [], secrets: [value], files: [] }]),
    ),
  };
}
