import { type Infer, struct } from '../../config/fields.ts';
import { prometheusDuration, text } from '../fields.ts';
import { PrometheusHttpClient } from '../http-client-config/client.ts';
import { httpClientConfig } from '../http-client-config/config.ts';
import { emptyGroups, readJsonGroups } from './read-groups.ts';
import { RefreshDiscoverer } from './refresh.ts';
import type { Discoverer, DiscoveryEnvironment, TargetGroup } from './target-group.ts';

/** Some hundred thousand targets with labels; more is a mistake of the server. */
const MAX_BODY = 64 * 1024 * 1024;
const JSON_TYPE = /^application\/json(;\s*charset=("utf-8"|utf-8))?$/i;

export const httpSdConfig = struct(
  'http.SDConfig',
  'Targets that an HTTP service lists.',
  {
    url: text('URL that answers with target groups as JSON.'),
    refresh_interval: prometheusDuration('Time between two requests, and the time limit of each.', '1m'),
  },
  {
    embed: [httpClientConfig],
    validate(value, path, report) {
      if (value.refresh_interval <= 0) report(path, 'refresh_interval must be greater than 0');
      if (value.url === '') return report(path, 'URL is missing');
      if (!URL.canParse(value.url)) return report(path, `parse ${JSON.stringify(value.url)}: invalid url`);
      const { protocol, host } = new URL(value.url);
      if (protocol !== 'http:' && protocol !== 'https:') report(path, "URL scheme must be 'http' or 'https'");
      else if (host === '') report(path, 'host is missing in URL');
    },
  },
);
export type HttpSdConfig = Infer<typeof httpSdConfig>;

/** Asks a URL for its target groups; each place in its list is a source. */
export class HttpDiscoverer implements Discoverer {
  readonly #config: HttpSdConfig;
  readonly #client: PrometheusHttpClient;
  readonly #refresher: RefreshDiscoverer;
  #groups = 0;

  constructor(config: HttpSdConfig, environment: DiscoveryEnvironment) {
    this.#config = config;
    this.#client = new PrometheusHttpClient(config, environment);
    this.#refresher = new RefreshDiscoverer(
      {
        fields: { url: withoutPassword(config.url) },
        intervalMs: config.refresh_interval,
        refresh: (abort) => this.#refresh(abort),
      },
      environment,
    );
  }

  run(update: (groups: readonly TargetGroup[]) => void): void {
    this.#refresher.run(update);
  }

  async close(): Promise<void> {
    await this.#refresher.close();
    this.#client.close();
  }

  async #refresh(abort: AbortSignal): Promise<readonly TargetGroup[]> {
    const { url, refresh_interval: interval } = this.#config;
    const answer = await this.#client.get(url, {
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip',
        'x-prometheus-refresh-interval-seconds': String(interval / 1000),
      },
      timeoutMs: interval,
      maxBytes: MAX_BODY,
      abort,
    });
    const type = answer.headers['content-type'] ?? '';
    if (answer.status !== 200 || !JSON_TYPE.test(type.trim())) {
      answer.discard();
      if (answer.status === 200) throw new Error(`unsupported content type ${JSON.stringify(type)}`);
      throw new Error(`server returned HTTP status ${answer.status} ${answer.statusText}`);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    const groups = readJsonGroups(Buffer.concat(chunks).toString(), url, { __meta_url: url });
    const gone = emptyGroups(url, groups.length, this.#groups);
    this.#groups = groups.length;
    return [...groups, ...gone];
  }
}

function withoutPassword(text: string): string {
  const url = new URL(text);
  if (url.password !== '') url.password = 'xxxxx';
  return url.href;
}
