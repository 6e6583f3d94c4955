/**
 * The prometheus receiver on a page of 100,000 series, beside the reference collector at the same time: processor time
 * of a scrape, and memory. Run: `node test/bench/prometheus-receiver.bench.ts [--gzip]`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { needOtelcol } from '../services/otelcol.ts';
import { Lab } from '../support/lab.ts';
import { cpuSeconds, memoryMiB } from './proc.ts';

const SERIES = 100_000;
const INTERVAL_S = 3;
/** Until both have found the target and scraped it a few times. */
const WARM_UP = 3;
const MEASURED = 10;

const { values: options } = parseArgs({ options: { gzip: { type: 'boolean', default: false } } });

/** Half of the series are counters and gauges, half are of histograms with ten buckets. */
function page(round: number): Buffer {
  const lines: string[] = [];
  const labels = (i: number) =>
    `method="${['GET', 'POST', 'PUT'][i % 3]}",path="/api/v1/things/${i}",status="${200 + (i % 5)}",zone="eu-${i % 7}"`;
  for (let family = 0; family < 50; family++) {
    const name = `http_server_thing_${family}`;
    lines.push(`# HELP ${name}_total Things that were done.`, `# TYPE ${name}_total counter`);
    for (let i = 0; i < SERIES / 100; i++) lines.push(`${name}_total{${labels(i)}} ${i * 7 + round}`);
    if (family % 5 !== 0) continue;
    lines.push(`# HELP ${name}_seconds How long it took.`, `# TYPE ${name}_seconds histogram`);
    for (let i = 0; i < SERIES / 240; i++) {
      for (const [at, le] of ['0.01', '0.05', '0.1', '0.5', '1', '2.5', '5', '10', '60', '+Inf'].entries()) {
        lines.push(`${name}_seconds_bucket{${labels(i)},le="${le}"} ${at * 3 + round}`);
      }
      lines.push(`${name}_seconds_sum{${labels(i)}} ${(i * 0.37 + round).toFixed(6)}`);
      lines.push(`${name}_seconds_count{${labels(i)}} ${27 + round}`);
    }
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

const pages = Array.from({ length: 3 }, (_, round) => page(round + 1));
const bodies = options.gzip ? pages.map((body) => gzipSync(body)) : pages;
const counts = new Map<string, number>();
const server = createServer((request, response) => {
  const who = request.url ?? '';
  const count = counts.get(who) ?? 0;
  counts.set(who, count + 1);
  response.setHeader('content-type', 'text/plain; version=0.0.4');
  if (options.gzip) response.setHeader('content-encoding', 'gzip');
  response.end(bodies[count % bodies.length]);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;

const config = (path: string) => ({
  receivers: {
    prometheus: {
      config: {
        scrape_configs: [
          {
            job_name: 'big',
            scrape_interval: `${INTERVAL_S}s`,
            metrics_path: path,
            static_configs: [{ targets: [`127.0.0.1:${port}`] }],
          },
        ],
      },
    },
  },
  exporters: { nop: {} },
  service: {
    telemetry: { metrics: { level: 'none' } },
    pipelines: { metrics: { receivers: ['prometheus'], exporters: ['nop'] } },
  },
});

await using lab = new Lab();
const programs = [
  { name: 'otelcol', daemon: lab.run(JSON.stringify(config('/otelcol')), [needOtelcol()]) },
  { name: 'weir', daemon: lab.run(JSON.stringify(config('/weir'))) },
];
const scrapes = (name: string) => counts.get(`/${name}`) ?? 0;
while (programs.some(({ name }) => scrapes(name) < WARM_UP)) await sleep(100);

const before = programs.map(({ name, daemon }) => ({
  cpu: cpuSeconds(daemon.process.pid as number),
  count: scrapes(name),
}));
await sleep(MEASURED * INTERVAL_S * 1000);
const bytes = (pages[0] as Buffer).length / 2 ** 20;
console.log(`page of ${SERIES} series, ${bytes.toFixed(1)} MiB${options.gzip ? ', compressed' : ''}`);
const perScrape = programs.map(({ name, daemon }, i) => {
  const { cpu, count } = before[i] as { cpu: number; count: number };
  const pid = daemon.process.pid as number;
  const seconds = (cpuSeconds(pid) - cpu) / (scrapes(name) - count);
  console.log(
    `${name.padEnd(8)} ${(seconds * 1000).toFixed(0).padStart(5)} ms of processor time a scrape, ` +
      `${memoryMiB(pid, 'VmRSS').toFixed(0)} MiB, at most ${memoryMiB(pid, 'VmHWM').toFixed(0)} MiB, ` +
      `${scrapes(name) - count} scrapes`,
  );
  return seconds;
});
console.log(`weir / otelcol: ${((perScrape[1] as number) / (perScrape[0] as number)).toFixed(2)}`);
server.closeAllConnections();
server.close();
