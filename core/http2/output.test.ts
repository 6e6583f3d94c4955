import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Output } from './output.ts';

async function pair(t: TestContext): Promise<{ output: Output; writer: net.Socket; reader: net.Socket }> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const writer = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [reader] = (await once(server, 'connection')) as [net.Socket];
  const output = new Output();
  output.attach(writer);
  t.after(() => {
    writer.destroy();
    reader.destroy();
    server.close();
  });
  return { output, writer, reader };
}

/** The same 4 octets at every place, so that memory used again too early shows. */
function pattern(output: Output, round: number, size: number): void {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i + 4 <= size; i += 4) bytes.writeUInt32BE(round, i);
  output.write(bytes);
}

test('what is flushed arrives unchanged and in order, in writes of all sizes', async (t) => {
  const { output, reader } = await pair(t);
  const sizes = Array.from({ length: 400 }, (_, i) => [4, 400, 12_000, 40_000, 64_000][i % 5]!);
  const total = sizes.reduce((a, b) => a + b, 0);
  let got = Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let length = 0;
  reader.pause();
  for (const [round, size] of sizes.entries()) {
    pattern(output, round, size);
    if (round % 3 === 0) output.flush();
    if (round % 50 === 0) await sleep(1);
  }
  output.flush();
  reader.on('data', (bytes) => {
    chunks.push(bytes);
    length += bytes.length;
  });
  reader.resume();
  while (length < total) await sleep(2);
  got = Buffer.concat(chunks);
  let at = 0;
  for (const [round, size] of sizes.entries()) {
    for (let i = 0; i + 4 <= size; i += 4) {
      if (got.readUInt32BE(at + i) !== round) assert.fail(`write ${round} is damaged at ${i}`);
    }
    at += size;
  }
});

test('many short writes to a peer that does not read hold little more than their bytes', async (t) => {
  const { output, writer, reader } = await pair(t);
  reader.pause();
  while (!output.congested) {
    pattern(output, 1, 64_000);
    output.flush();
  }
  const before = process.memoryUsage().arrayBuffers;
  const queued = writer.writableLength;
  for (let i = 0; i < 20_000; i++) {
    pattern(output, i, 100);
    output.flush();
  }
  assert.equal(writer.writableLength - queued, 2_000_000);
  assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000);
});
