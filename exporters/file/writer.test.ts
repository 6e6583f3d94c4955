import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeClock, settle } from '../../core/testing/fake-clock.ts';
import { TestLogger } from '../../core/testing/settings.ts';
import { RotatingFile, type Target } from './target.ts';
import { FileWriter } from './writer.ts';

/** A disk that takes a few bytes at a time and fails when told. */
class SlowDisk implements Target {
  text = '';
  calls: string[] = [];
  failures = 0;
  readonly #step: number;

  constructor(step: number) {
    this.#step = step;
  }

  async open(): Promise<void> {}

  async write(messages: readonly Buffer[], continued: boolean): Promise<number> {
    await settle(1);
    if (this.failures > 0) {
      this.failures--;
      throw new Error('disk full');
    }
    const bytes = Buffer.concat(messages).subarray(0, this.#step);
    this.calls.push(`${continued ? '+' : ''}${bytes}`);
    this.text += bytes;
    return bytes.length;
  }

  async close(): Promise<void> {}
}

test('a message that was written in part is continued', async () => {
  const disk = new SlowDisk(4);
  const writer = new FileWriter(disk, new FakeClock(), 1000, new TestLogger());
  for (const text of ['ab\n', 'cdefgh\n', 'i\n']) writer.write(Buffer.from(text));
  await writer.close();
  assert.equal(disk.text, 'ab\ncdefgh\ni\n');
  assert.deepEqual(disk.calls, ['ab\nc', '+defg', '+h\ni\n']);
});

test('after a failure nothing is lost, doubled or out of order', async () => {
  const disk = new SlowDisk(4);
  const clock = new FakeClock();
  const logger = new TestLogger();
  const writer = new FileWriter(disk, clock, 1000, logger);
  writer.write(Buffer.from('abcdef\n'));
  clock.advance(1000);
  disk.failures = 1;
  await settle();
  await assert.rejects(async () => {
    disk.failures = 1;
    await writer.write(Buffer.from('refused\n'));
  }, /disk full/);
  await writer.write(Buffer.from('gh\n'));
  writer.write(Buffer.from('ij\n'));
  await writer.close();
  assert.equal(disk.text, 'abcdef\ngh\nij\n');
  assert.deepEqual(logger.messages(), [
    'The file cannot be written, new data is refused',
    'The file can be written again',
  ]);
  assert.throws(() => void writer.write(Buffer.from('late\n')), /closed/);
});

test('callers wait when much waits for the disk', async () => {
  const disk = new SlowDisk(64 * 1024 * 1024);
  const writer = new FileWriter(disk, new FakeClock(), 1000, new TestLogger());
  assert.equal(writer.write(Buffer.alloc(1024 * 1024)), undefined);
  const waits = writer.write(Buffer.alloc(9 * 1024 * 1024));
  assert.ok(waits instanceof Promise);
  await waits;
  assert.equal(disk.text.length, 10 * 1024 * 1024);
  await writer.close();
});

test('a message stays in one file when it is continued, also beyond the limit', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-rotating-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const rotation = { max_megabytes: 1, max_days: 0, max_backups: 0, localtime: true };
  const file = new RotatingFile(join(directory, 'f'), rotation, new FakeClock());
  const large = Buffer.alloc(800_000, 'x');
  assert.equal(await file.write([large], false), 800_000);
  await file.write([large], true);
  await file.write([Buffer.from('next')], false);
  await file.close();
  const [first, second] = readdirSync(directory).sort();
  assert.equal(first, 'f');
  assert.match(second ?? '', /^f-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}-size$/);
  assert.equal(readFileSync(join(directory, 'f'), 'utf8'), 'next');
  assert.equal(readFileSync(join(directory, second ?? '')).length, 1_600_000);
});
