/**
 * Spans into the embedded ClickHouse: the clickhouse exporter with `schema: platform`, as `configs/embedded.yaml` has
 * it, in this process and the engine's. Then the query for traces of a million other spans in the same store. Spans a
 * second, CPU seconds per million spans and MiB of both processes. Run:
 * `node test/bench/clickhouse-embedded.bench.ts [seconds [spans a second [folder]]]`, as fast as it goes unless set.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chdb } from '../../core/clickhouse/chdb.ts';
import { readRows } from '../../core/clickhouse/read.ts';
import { systemClock } from '../../core/clock.ts';
import { readYaml } from '../../core/config/read.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from '../../exporters/clickhouse/config.ts';
import { clickhouseExporter } from '../../exporters/clickhouse/exporter.ts';
import { cpuSeconds, memoryMiB } from './proc.ts';
import { SPANS, sampleRequest } from './sample-request.ts';

const seconds = Number(process.argv[2] ?? 30);
/** Spans a second. */
const pace = Number(process.argv[3] ?? Number.POSITIVE_INFINITY);
const folder = mkdtempSync(join(process.argv[4] ?? tmpdir(), 'weir-embedded-bench-'));
const IN_FLIGHT = 400;
const MILLION = 1_000_000;
const REPEATS = 7;

const endpoint = `chdb://${folder}`;
const yaml = `
endpoint: ${endpoint}
schema: platform
sending_queue:
  queue_size: 50000
  sizer: items
  wait_for_result: true
  num_consumers: 2
  batch: { flush_timeout: 200ms, min_size: 5000, max_size: 10000 }
`;

const sample = sampleRequest();
/** Behind the tag and the length of each trace id. */
const idPlaces = Array.from(
  { length: SPANS },
  (_, i) => sample.indexOf(Buffer.from([0x0a, 16, ...Buffer.alloc(16, i + 1)])) + 2,
);
const START = Buffer.alloc(8);
START.writeBigUInt64LE(1_700_000_000_000_000_000n);
const timePlaces: number[] = [];
for (let at = sample.indexOf(START); at >= 0; at = sample.indexOf(START, at + 8)) timePlaces.push(at);

let made = 0;
/** A request of a hundred spans with ids and times of their own. */
function request(): Telemetry {
  const bytes = Buffer.from(sample);
  const now = BigInt(Date.now()) * 1_000_000n;
  for (const at of idPlaces) bytes.writeUInt32LE(made++, at);
  for (const at of timePlaces) {
    bytes.writeBigUInt64LE(now, at);
    // the end is the next field
    bytes.writeBigUInt64LE(now + 100_000_000n, at + 9);
  }
  return Telemetry.of('traces', bytes, SPANS);
}

const settings = { ...testSettings({ id: 'clickhouse', kind: 'exporter', signals: ['traces'] }), clock: systemClock };
const exporter = clickhouseExporter(settings, readYaml(config, yaml));
const ch = Chdb.open(folder, 'default');
try {
  await exporter.start(new NopHost());
  const accepted = await load(seconds);
  const [stored] = await readRows(ch, 'SELECT count() AS n FROM traces');
  console.log(`accepted ${accepted}, stored ${stored?.n}: ${accepted === stored?.n ? 'exactly' : 'NOT THE SAME'}`);
  await queries();
} finally {
  await exporter.shutdown();
  await ch.close();
  rmSync(folder, { recursive: true });
}

async function load(forSeconds: number): Promise<number> {
  const cpu = cpuSeconds(process.pid);
  const start = performance.now();
  const end = start + forSeconds * 1000;
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, memoryMiB(process.pid, 'VmRSS'));
  }, 250);
  let asked = 0;
  let accepted = 0;
  const sender = async () => {
    while (performance.now() < end) {
      const early = (asked / pace) * 1000 - (performance.now() - start);
      asked += SPANS;
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      await exporter.consume(request());
      accepted += SPANS;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
  clearInterval(watch);
  const took = (performance.now() - start) / 1000;
  const used = cpuSeconds(process.pid) - cpu;
  const rate = (accepted / took / 1000).toFixed(1);
  const perMillion = (used / accepted) * MILLION;
  const load = loadavg()[0]?.toFixed(1);
  console.log(
    `${rate}k spans/s over ${took.toFixed(0)} s, ${perMillion.toFixed(1)} CPU s per million, ` +
      `${peak.toFixed(0)} MiB in both processes at the highest (load ${load})`,
  );
  return accepted;
}

async function queries(): Promise<void> {
  await ch.command('TRUNCATE TABLE traces');
  await ch.command(`INSERT INTO traces SELECT lower(hex(sipHash128(number))), lower(hex(sipHash64(number))), '',
    concat('service-', toString(number % 20)), concat('GET /', toString(number % 100)),
    now64(9) - toIntervalMillisecond(number * 20), now64(9), rand(number) % 2000000000, number % 3,
    map('user.id', toString(number % 1000)), [], map(), now()
    FROM numbers(${MILLION})`);
  const sql = `SELECT trace_id, span_id, parent_span_id, service_name, operation_name, start_time, end_time,
      duration_ns, status_code, tags
    FROM traces
    WHERE service_name IN ({services:Array(String)}) AND start_time >= {from:DateTime64(9)}
      AND start_time <= {to:DateTime64(9)} AND duration_ns >= {min_ms:UInt64} * 1000000
    ORDER BY start_time DESC LIMIT {limit:UInt32}`;
  const iso = (agoMs: number) => new Date(Date.now() - agoMs).toISOString().replace('T', ' ').replace('Z', '');
  const params = {
    services: `['service-3','service-7']`,
    from: iso(3_600_000),
    to: iso(0),
    min_ms: '100',
    limit: '100',
  };
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    const rows = await readRows(ch, sql, params);
    times.push(performance.now() - start);
    if (rows.length !== 100) throw new Error(`${rows.length} rows`);
  }
  const sorted = times.toSorted((a, b) => a - b).map((ms) => ms.toFixed(1));
  console.log(
    `traces of two services in an hour of a million spans: median ${sorted[3]} ms, slowest ${sorted.at(-1)} ms`,
  );
}
