/**
 * What spans cost on their way into ClickHouse: batches of 10 000 spans with 10 attributes each go through the exporter
 * to a server that reads them and answers. The server is a process of its own, so that the CPU time is weir's alone.
 * The obvious way, rows as objects and their JSON, stands beside it, without the sending.
 * Run: `node test/bench/clickhouse.bench.ts [compress,…]`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { systemClock } from '../../core/clock.ts';
import { readYaml } from '../../core/config/read.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from '../../exporters/clickhouse/config.ts';
import { clickhouseExporter } from '../../exporters/clickhouse/exporter.ts';
import { spanRows } from '../services/clickhouse-rows.ts';
import { nanosPerSpan, SPANS, sampleRequest } from './sample-request.ts';

const REQUESTS_PER_BATCH = 100;
const BATCHES = 100;
const CONCURRENT = 4;
const REPEATS = 5;

const SINK = `
const server = require('node:http').createServer((request, response) => {
  request.resume().on('end', () => response.end());
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

const sink = spawn(process.execPath, ['-e', SINK], { stdio: ['ignore', 'pipe', 'inherit'] });
const [port] = await once(sink.stdout, 'data');
const endpoint = `http://127.0.0.1:${String(port).trim()}`;
const request = sampleRequest();

function batch(): Telemetry {
  const ranges = Array.from({ length: REQUESTS_PER_BATCH }, () => ({ buffer: request, start: 0, end: request.length }));
  return new Telemetry('traces', ranges, REQUESTS_PER_BATCH * SPANS);
}

async function run(compress: string): Promise<void> {
  const yaml = `endpoint: ${endpoint}\ncreate_schema: false\ncompress: ${compress}\nsending_queue: {enabled: false}\n`;
  const settings = { ...testSettings({ kind: 'exporter', signals: ['traces'] }), clock: systemClock };
  const exporter = clickhouseExporter(settings, readYaml(config, yaml));
  await exporter.start(new NopHost());
  const spans = BATCHES * REQUESTS_PER_BATCH * SPANS;
  let best = { cpu: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY };
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const cpu = process.cpuUsage();
    const began = performance.now();
    let left = BATCHES;
    const lane = async () => {
      while (left-- > 0) await exporter.consume(batch());
    };
    await Promise.all(Array.from({ length: CONCURRENT }, lane));
    const { user, system } = process.cpuUsage(cpu);
    const spent = { cpu: (user + system) / 1e6, wall: (performance.now() - began) / 1000 };
    if (spent.cpu < best.cpu) best = spent;
  }
  await exporter.shutdown();
  const perMillion = (best.cpu / spans) * 1e6;
  const perCore = Math.round(spans / best.cpu / 1000);
  const wall = Math.round(spans / best.wall / 1000);
  console.log(
    `${compress.padEnd(8)} ${perMillion.toFixed(2)} CPU s/M spans, ${perCore}k spans/s per core, ${wall}k spans/s`,
  );
}

for (const compress of process.argv[2]?.split(',') ?? ['zstd', 'lz4', 'gzip', 'none']) await run(compress);
const objects = nanosPerSpan(() => {
  const rows = spanRows(decodeTree('traces', Telemetry.of('traces', request, SPANS)));
  return Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n'));
});
console.log(`objects  ${(objects / 1000).toFixed(2)} CPU s/M spans, neither compressed nor sent`);
sink.kill();
