/**
 * From which size compressing and expanding on another thread pays, and how fast the formats of our own are. Processor
 * and wall-clock microseconds a body; another thread costs more of the first and less of the event loop's time.
 * Run: `node test/bench/compression.bench.ts`.
 */
import * as zlib from 'node:zlib';
import { compressor } from '../../core/compression/compress.ts';
import { decompress, type Encoding } from '../../core/compression/decompress.ts';

const SIZES = [1, 4, 16, 64, 256, 1024].map((kib) => kib * 1024);
/** So many bytes go through each measurement. */
const VOLUME = 8 << 20;

/** Like spans in protobuf: keys repeat, ids do not. */
function body(size: number): Buffer {
  const parts: string[] = [];
  let state = 1;
  for (let length = 0; length < size; ) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const route = `http.route/api/v1/products/${state % 997}`;
    const part = `\n\x10${state.toString(36)}service.name\x12checkout-${state % 7}${route}`;
    parts.push(part);
    length += part.length;
  }
  return Buffer.from(parts.join(''), 'latin1').subarray(0, size);
}

async function measure(work: () => unknown, size: number): Promise<string> {
  const times = Math.ceil(VOLUME / size);
  await work();
  const before = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < times; i++) {
    const result = work();
    if (result instanceof Promise) await result;
  }
  const wall = ((performance.now() - start) * 1000) / times;
  const { user, system } = process.cpuUsage(before);
  return `${((user + system) / times).toFixed(0).padStart(6)} cpu ${wall.toFixed(0).padStart(6)} wall`;
}

const later = (run: (done: (error: Error | null, result: Buffer) => void) => void): Promise<Buffer> =>
  new Promise((resolve, reject) => run((error, result) => (error === null ? resolve(result) : reject(error))));

for (const size of SIZES) {
  const input = body(size);
  const packed = zlib.gzipSync(input);
  console.log(`${size / 1024} KiB, gzip ${(packed.length / 1024).toFixed(1)} KiB`);
  const rows: readonly (readonly [string, () => unknown])[] = [
    ['gzip here', () => zlib.gzipSync(input)],
    ['gzip on another thread', () => later((done) => zlib.gzip(input, done))],
    ['gunzip here', () => zlib.gunzipSync(packed)],
    ['gunzip on another thread', () => later((done) => zlib.gunzip(packed, done))],
    ['gunzip as the receiver does', () => decompress('gzip', packed, VOLUME)],
  ];
  for (const [name, work] of rows) console.log(`  ${name.padEnd(28)} ${await measure(work, size)}`);
  for (const encoding of ['zstd', 'snappy', 'x-snappy-framed', 'lz4'] satisfies Encoding[]) {
    const pack = compressor(encoding);
    const small = await pack(input);
    const unpack = () => decompress(encoding, small, VOLUME);
    console.log(
      `  ${encoding.padEnd(28)} ${await measure(() => pack(input), size)}, back ${await measure(unpack, size)}`,
    );
  }
}
