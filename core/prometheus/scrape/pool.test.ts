import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../clock.ts';
import { readYaml } from '../../config/read.ts';
import { PipelineError } from '../../error.ts';
import { decodeTree } from '../../otlp/tree.ts';
import { EMPTY_CONTEXT } from '../../telemetry/context.ts';
import { TestLogger } from '../../testing/settings.ts';
import { SinkConsumer } from '../../testing/sink.ts';
import { PrometheusHttpClient } from '../http-client-config/client.ts';
import { scrapeConfig } from './config.ts';
import { globalConfig } from './global-config.ts';
import { jobOf } from './job.ts';
import { ScrapePool } from './pool.ts';

/** Also the time limit of a scrape, which a busy machine must not reach. */
const INTERVAL_MS = 400;
const STALE = 1;

/** A target whose page a test changes, and the pool that scrapes it. */
class Bench implements AsyncDisposable {
  readonly sink = new SinkConsumer();
  readonly logger = new TestLogger();
  page: string | undefined = 'a 1\n';
  readonly #server = createServer((_, response) => {
    if (this.page === undefined) response.writeHead(503);
    response.end(this.page);
  });
  #pool: ScrapePool | undefined;

  async start(yaml = '', intervalMs = INTERVAL_MS): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const config = readYaml(scrapeConfig, `{job_name: j, scrape_interval: ${intervalMs}ms, ${yaml}}`);
    const client = new PrometheusHttpClient(config, { clock: systemClock, userAgent: 'test' });
    client.start();
    this.#pool = new ScrapePool(jobOf(config, readYaml(globalConfig, '')), client, {
      clock: systemClock,
      logger: this.logger,
      next: this.sink,
      context: EMPTY_CONTEXT,
      version: '1',
      trimSuffixes: false,
      initialOffset: 0,
      failureLog: undefined,
      offset: 0,
      ignoresScopeInfo: false,
      startTimestamps: false,
      seed: 1,
    });
    this.targets(1);
  }

  /** From now on there are so many targets, all of them the same server. */
  targets(count: number): void {
    const { port } = this.#server.address() as AddressInfo;
    const targets = Array.from(
      { length: count },
      (_, i) =>
        new Map([
          ['__address__', `127.0.0.1:${port}`],
          ['n', `${i}`],
        ]),
    );
    this.#pool?.sync([{ source: '', targets, labels: new Map() }]);
  }

  /** Values of a metric in order; `stale` for a point without one. */
  values(name: string): (number | 'stale')[] {
    const metrics = this.sink.batches.flatMap((batch) =>
      decodeTree('metrics', batch).resourceMetrics.flatMap((r) => r.scopeMetrics.flatMap((s) => s.metrics)),
    );
    const points = metrics.filter((metric) => metric.name === name).flatMap((m) => m.gauge?.dataPoints ?? []);
    return points.map((point) => (point.flags === STALE ? 'stale' : (point.asDouble ?? Number.NaN)));
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!holds()) {
      assert.ok(performance.now() < deadline, `waited for ${what}`);
      await sleep(10);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.stop(false);
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

test('a target that fails is down, its series end, and it comes back', async () => {
  await using bench = new Bench();
  await bench.start();
  await bench.until('a scrape', () => bench.values('a').length > 0);
  bench.page = undefined;
  await bench.until('the end', () => bench.values('a').includes('stale'));
  bench.page = 'a 2\n';
  await bench.until('the return', () => bench.values('a').includes(2));
  const up = bench.values('up').filter((value, i, all) => value !== all[i - 1]);
  assert.deepEqual(up, [1, 0, 1]);
  assert.equal(bench.logger.messages('warn').length, 1);
  assert.deepEqual(bench.values('a').filter((value) => value === 'stale').length, 1);
});

test('a target that is gone is marked as stale once, with what the scrape reports', async () => {
  await using bench = new Bench();
  await bench.start();
  await bench.until('a scrape', () => bench.values('a').length > 0);
  bench.targets(0);
  await bench.until('the end', () => bench.values('up').includes('stale'));
  await sleep(3 * INTERVAL_MS);
  assert.equal(bench.values('a').at(-1), 'stale');
  assert.equal(bench.values('up').filter((value) => value === 'stale').length, 1);
});

test('a target that comes back in time is not marked', async () => {
  await using bench = new Bench();
  await bench.start();
  await bench.until('a scrape', () => bench.values('a').length > 0);
  bench.targets(0);
  bench.targets(1);
  const before = bench.values('a').length;
  await bench.until('more scrapes', () => bench.values('a').length > before + 4);
  assert.ok(!bench.values('a').includes('stale'));
});

test('more targets than allowed are all down', async () => {
  await using bench = new Bench();
  await bench.start('target_limit: 1');
  bench.targets(2);
  await bench.until('scrapes', () => bench.values('up').length > 3);
  assert.ok(
    bench
      .values('up')
      .slice(-2)
      .every((value) => value === 0),
  );
});

test('what the pipeline refuses is logged, and the next scrape comes', async () => {
  await using bench = new Bench();
  bench.sink.refuse = new PipelineError('full');
  await bench.start();
  await bench.until('a refusal', () => bench.logger.messages('error').includes('Scrape commit failed'));
  bench.sink.refuse = undefined;
  await bench.until('a scrape', () => bench.values('up').includes(1));
});

test('a page that is too large or malformed makes the scrape fail', async () => {
  await using bench = new Bench();
  await bench.start('body_size_limit: 20B');
  await bench.until('a scrape', () => bench.values('up').includes(1));
  bench.page = 'a_longer_name_of_a_metric 1\n';
  await bench.until('a failure', () => bench.values('up').includes(0));
  bench.page = 'a 1\n';
  const ups = () => bench.values('up').filter((value, i, all) => value !== all[i - 1]).length;
  await bench.until('the return', () => ups() >= 3);
  bench.page = 'a{\n';
  await bench.until('another failure', () => ups() >= 4);
});

test('a large page goes on in several batches, and one that is refused takes no other with it', async () => {
  await using bench = new Bench();
  const COUNT = 12_000;
  const long = 'x'.repeat(200);
  bench.page = Array.from({ length: COUNT }, (_, i) => `m${i % 4}{path="/${long}/${i}"} ${i}\n`)
    .sort()
    .join('');
  bench.sink.async = true;
  await bench.start('', 4000);
  // two pages that are sent at the same time, batch by batch
  bench.targets(2);
  const reports = 5;
  await bench.until('two scrapes', () => bench.sink.items >= 2 * (COUNT + reports));
  const sizes = bench.sink.batches.map((batch) => batch.byteLength);
  assert.ok(sizes.length >= 4 && sizes.every((size) => size < 2.5 * 2 ** 20), `${sizes}`);
  for (const metric of [0, 1, 2, 3]) {
    const wanted = Array.from({ length: COUNT / 4 }, (_, i) => i * 4 + metric);
    const found = (bench.values(`m${metric}`) as number[]).slice(0, 2 * wanted.length);
    assert.deepEqual(
      found.sort((a, b) => a - b),
      wanted.flatMap((value) => [value, value]),
    );
  }
  bench.targets(1);
  bench.sink.clear();
  let refused = 0;
  bench.sink.refuse = () => (refused++ === 0 ? new PipelineError('full') : undefined);
  await bench.until('the rest of the page', () => bench.sink.items > reports);
  const errors = bench.logger.messages('error').filter((message) => message === 'Scrape commit failed');
  assert.equal(errors.length, 1);
});
