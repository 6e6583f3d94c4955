/** Random pages, scraped by the collector and by weir: every scrape must come to the same. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../differential/random.ts';
import { Lab } from '../support/lab.ts';
import { needOtelcol } from './otelcol.ts';
import { type Page, PageMaker } from './scrape-pages.ts';
import { ProtobufMaker } from './scrape-protobuf.ts';
import { scrapesByJob } from './scraped.ts';

const SEED = Number(process.env.WEIR_SEED ?? 1);
const JOBS = Number(process.env.WEIR_JOBS ?? 60);
const PAGES = 4;
const TIMEOUT_MS = 90_000;

/** Answers each job's requests with its pages one after the other. */
class Targets {
  readonly counts: number[];
  readonly #server: Server;

  constructor(pages: readonly (readonly Page[])[]) {
    this.counts = pages.map(() => 0);
    this.#server = createServer((request, response) => {
      const job = Number(/\d+/.exec(request.url ?? '')?.[0]);
      const own = pages[job] as readonly Page[];
      const page = own[Math.min(this.counts[job] as number, own.length - 1)] as Page;
      this.counts[job] = (this.counts[job] as number) + 1;
      if (page.contentType !== '') response.setHeader('content-type', page.contentType);
      response.end(page.body);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const RULES = [
  { source_labels: ['__name__'], regex: 'a|z.*', action: 'drop' },
  { source_labels: ['code', 'env'], separator: '-', regex: '(.*)-(.*)', target_label: 'joined', replacement: '$2/$1' },
  { regex: 'A_(.*)', action: 'labelmap', replacement: 'mapped_$1' },
  { regex: 'path', action: 'labeldrop' },
  { source_labels: ['path'], target_label: 'shard', modulus: 7, action: 'hashmod' },
  { source_labels: ['env'], target_label: 'loud', action: 'uppercase' },
  { source_labels: ['path'], target_label: 'quiet', action: 'lowercase' },
  { source_labels: ['code'], regex: '|200|.*5.*', action: 'keep' },
  { source_labels: ['env'], target_label: 'code', action: 'dropequal' },
  { source_labels: ['env'], target_label: 'instance_env', action: 'keepequal' },
  { regex: '__name__|job|instance|le|quantile|code', action: 'labelkeep' },
  { source_labels: ['__name__'], regex: '(requests|go:y)', target_label: '__name__', replacement: 'renamed_$1' },
] as const;

function jobConfig(job: number, port: number, random: Random): object {
  return {
    job_name: `job${job}`,
    scrape_interval: '1s',
    metrics_path: `/${job}`,
    static_configs: [{ targets: [`127.0.0.1:${port}`], labels: random.chance(0.4) ? { env: 'prod' } : {} }],
    relabel_configs: [{ target_label: 'instance', replacement: 'i' }],
    metric_relabel_configs: random.some(RULES, 0, 2),
    ...random.maybe(0.3, 'honor_labels', () => true),
    ...random.maybe(0.2, 'honor_timestamps', () => false),
    ...random.maybe(0.2, 'track_timestamps_staleness', () => true),
    ...random.maybe(0.1, 'sample_limit', () => 8),
    ...random.maybe(0.1, 'label_limit', () => 6),
    ...random.maybe(0.1, 'label_value_length_limit', () => 12),
    ...random.maybe(0.1, 'label_name_length_limit', () => 5),
    ...random.maybe(0.1, 'body_size_limit', () => '300B'),
    ...random.maybe(0.2, 'extra_scrape_metrics', () => true),
    ...random.maybe(0.7, 'scrape_native_histograms', () => true),
    ...random.maybe(0.3, 'always_scrape_classic_histograms', () => true),
    ...random.maybe(0.2, 'native_histogram_bucket_limit', () => 3),
    ...random.maybe(0.2, 'native_histogram_min_bucket_factor', () => 1.5),
  };
}

/** Runs a program until every job was scraped often enough; the scrapes of each job. */
async function scrapes(pages: readonly (readonly Page[])[], command: readonly string[] | undefined) {
  await using lab = new Lab();
  const targets = new Targets(pages);
  const port = await targets.listen();
  const random = new Random(SEED);
  const config = {
    receivers: { prometheus: { config: { scrape_configs: pages.map((_, job) => jobConfig(job, port, random)) } } },
    exporters: { file: { path: lab.path('out.json') } },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'error' } },
      pipelines: { metrics: { receivers: ['prometheus'], exporters: ['file'] } },
    },
  };
  const daemon = lab.run(JSON.stringify(config).replaceAll('$', '$$$$'), command);
  const deadline = performance.now() + TIMEOUT_MS;
  while (targets.counts.some((count) => count <= PAGES)) {
    assert.ok(performance.now() < deadline, `not all targets were scraped\n${daemon.output}`);
    assert.ok(daemon.running, daemon.output);
    await sleep(50);
  }
  await daemon.stop();
  targets.close();
  return scrapesByJob(lab.documents('out.json'));
}

/** The collector loses those of some native histograms. */
function withoutExemplars(line: string): string {
  return line.includes(' exponentialHistogram ') ? line.replace(/,"shown":\[.*\]\}$/, '}') : line;
}

test('pages come to what they come to in the collector', { timeout: 3 * TIMEOUT_MS }, async () => {
  const random = new Random(SEED);
  const pages = Array.from({ length: JOBS }, () => {
    const maker = random.chance(0.3) ? new ProtobufMaker(random) : new PageMaker(random);
    return Array.from({ length: PAGES }, () => maker.page());
  });
  const expected = await scrapes(pages, [needOtelcol()]);
  const found = await scrapes(pages, undefined);
  const differing: string[] = [];
  for (let job = 0; job < JOBS; job++) {
    for (let i = 0; i < PAGES; i++) {
      const theirs = expected.get(`job${job}`)?.[i] ?? ['nothing'];
      const ours = found.get(`job${job}`)?.[i] ?? ['nothing'];
      const missing = theirs.filter((line) => !ours.some((own) => own === line || withoutExemplars(own) === line));
      const extra = ours.filter((line) => !theirs.includes(line) && !theirs.includes(withoutExemplars(line)));
      if (missing.length + extra.length === 0) continue;
      const told = [...missing.map((line) => `- ${line}`), ...extra.map((line) => `+ ${line}`)].join('\n');
      differing.push(`job ${job}, scrape ${i}:\n${told}\n${pages[job]?.[i]?.body}`);
      break;
    }
  }
  assert.equal(differing.length, 0, `${differing.length} jobs differ\n${differing.slice(0, 3).join('\n\n')}`);
});
