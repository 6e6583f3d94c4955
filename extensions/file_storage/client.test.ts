import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { settle } from '../../core/testing/fake-clock.ts';
import { FaultyFiles } from '../../core/testing/faulty-files.ts';
import { testSettings } from '../../core/testing/settings.ts';
import type { FileClient } from './client.ts';
import { type Config, config } from './config.ts';
import { FileStorage } from './extension.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-file-storage-'));
after(() => rmSync(root, { recursive: true }));

const OWNER = { kind: 'exporter', id: 'otlp/eu', name: 'traces' } as const;

class Bench {
  readonly directory = mkdtempSync(join(root, 'd-'));
  readonly folder = join(this.directory, 'exporter_otlp_eu_traces.segments');
  readonly settings = testSettings({ id: 'file_storage', kind: 'extension' });
  readonly files = new FaultyFiles();
  storage: FileStorage | undefined;

  /** As another process would open it, if the one before has ended. */
  async open(changes: Partial<Config> = {}): Promise<FileClient> {
    this.storage = new FileStorage(
      this.settings,
      { ...config.absent(), directory: this.directory, ...changes },
      this.files,
    );
    await this.storage.start();
    return this.storage.client(OWNER);
  }

  get segments(): string[] {
    return readdirSync(this.folder).filter((name) => name.endsWith('.segment'));
  }

  get bytes(): number {
    return this.segments.reduce((sum, name) => sum + statSync(join(this.folder, name)).size, 0);
  }

  get damaged(): number | undefined {
    return this.settings.meter.value('otelcol_file_storage_damaged_records');
  }
}

async function all(client: FileClient): Promise<Record<string, string>> {
  const keys = (await client.keys()).toSorted();
  const values = await Promise.all(keys.map((key) => client.get(key)));
  return Object.fromEntries(keys.map((key, i) => [key, String(values[i])]));
}

test('calls take effect in their order, and what they did is there after a restart', async () => {
  const bench = new Bench();
  const client = await bench.open();
  void client.set('a', Buffer.from('1'));
  void client.set('b', [Buffer.from('2'), Buffer.from('2')]);
  const early = client.get('a');
  void client.batch([
    ['a', Buffer.from('3')],
    ['c', Buffer.from('4')],
    ['b', undefined],
    ['never there', undefined],
  ]);
  void client.delete('c');
  assert.equal(String(await early), '3', 'the latest of what was asked for before it was read');
  assert.deepEqual(await all(client), { a: '3' });
  assert.equal(await client.get('b'), undefined);
  await client.close();
  await client.close();
  await assert.rejects(client.set('late', Buffer.from('x')), /storage is closed/);
  assert.deepEqual(await all(await bench.open()), { a: '3' });
  await bench.storage?.shutdown();
});

test('what is asked for in one turn is one write, and one sync where fsync is on', async () => {
  const bench = new Bench();
  const client = await bench.open({ fsync: true });
  await Promise.all(Array.from({ length: 100 }, (_, i) => client.set(`k${i}`, randomBytes(1000))));
  assert.equal(bench.files.writes, 1);
  assert.equal(bench.files.syncs, 1);
  await client.close();
  const plain = await bench.open();
  await plain.set('one more', Buffer.from('1'));
  assert.equal(bench.files.syncs, 1);
  await plain.close();
});

test('a random sequence of operations, closed and killed on the way, agrees with a map', async () => {
  const options = { max_size: 64 * 1024 };
  let bench = new Bench();
  let client = await bench.open(options);
  const expected = new Map<string, string>();
  for (let step = 0; step < 3000; step++) {
    const key = `k${randomBytes(1)[0]! % 40}`;
    if (step % 3 === 0) {
      expected.delete(key);
      await client.delete(key);
    } else {
      const value = randomBytes(step % 300).toString('hex');
      expected.set(key, value);
      await client.set(key, Buffer.from(value));
    }
    if (step % 100 !== 99) continue;
    const killed = new Bench();
    // what a killed process leaves: the files as they are at the moment
    cpSync(bench.folder, killed.folder, { recursive: true });
    await client.close();
    if (step % 200 === 99) bench = killed;
    client = await bench.open(options);
  }
  assert.deepEqual(await all(client), Object.fromEntries([...expected].sort(([a], [b]) => (a < b ? -1 : 1))));
  assert.ok(bench.bytes <= 64 * 1024, `${bench.bytes} bytes`);
  await client.close();
  assert.equal(bench.damaged, 0);
});

test('space is given back: a queue that passes takes little, and nothing when it is empty', async () => {
  const bench = new Bench();
  const client = await bench.open({ max_size: 1 << 20 });
  const value = randomBytes(10_000);
  await client.set('stays', value);
  for (let i = 0; i < 1000; i++) {
    await client.set(`${i}`, value);
    if (i >= 10) await client.delete(`${i - 10}`);
  }
  assert.ok(bench.bytes < 700_000, `${bench.bytes} of ${1000 * value.length} written`);
  assert.deepEqual(await client.get('stays'), value);
  assert.equal(bench.settings.meter.value('otelcol_file_storage_size'), client.size);
  for (const key of await client.keys()) void client.delete(key);
  await client.close();
  assert.deepEqual(bench.segments, []);
});

test('what is deleted does not come back while an older segment has it', async () => {
  const bench = new Bench();
  const client = await bench.open({ max_size: 80_000 });
  await client.set('stays', Buffer.from('here'));
  await client.set('goes', randomBytes(10_000));
  await client.batch([
    ['goes', undefined],
    ['filler', randomBytes(10_000)],
  ]);
  await client.set('filler', randomBytes(10_000));
  await client.set('filler', randomBytes(10_000));
  await client.close();
  assert.deepEqual((await (await bench.open()).keys()).toSorted(), ['filler', 'stays']);
  await bench.storage?.shutdown();
});

test('what was alive in the oldest segment is moved, also what changes meanwhile', async () => {
  const bench = new Bench();
  const client = await bench.open({ compaction: { ...config.absent().compaction, max_transaction_size: 7 } });
  const value = randomBytes(1000);
  for (let i = 0; i < 100; i++) void client.set(`k${i}`, value);
  await client.get('k1');
  const before = bench.segments;
  client.compact();
  await settle(2);
  void client.delete('k99');
  void client.delete('k1');
  void client.set('k50', Buffer.from('new'));
  while (bench.segments[0] === before[0]) await settle(1);
  const found = await all(client);
  assert.equal(Object.keys(found).length, 98);
  assert.equal(found.k50, 'new');
  await client.close();
  assert.deepEqual(await all(await bench.open()), found);
  await bench.storage?.shutdown();
});

test('on_start and on_rebound write everything anew', async () => {
  const bench = new Bench();
  const { compaction } = config.absent();
  const client = await bench.open({ compaction: { ...compaction, on_rebound: true, rebound_needed_threshold_mib: 1 } });
  await client.set('big', randomBytes(2 << 20));
  await client.set('small', Buffer.from('small'));
  await client.delete('big');
  const [first] = bench.segments;
  bench.settings.clock.advance(compaction.check_interval);
  while (bench.segments[0] === first) await settle(1);
  assert.ok(bench.bytes < 1000);
  await client.close();
  const [second] = bench.segments;
  const again = await bench.open({ compaction: { ...compaction, on_start: true } });
  while (bench.segments[0] === second) await settle(1);
  assert.deepEqual(await all(again), { small: 'small' });
  await again.close();
  assert.equal(bench.settings.clock.pending, 0);
});

test('damage is passed over, counted and said once, and the damaged file is replaced', async () => {
  const bench = new Bench();
  const client = await bench.open();
  for (let i = 0; i < 10; i++) await client.set(`k${i}`, Buffer.from(`value ${i}`));
  await client.close();
  const file = join(bench.folder, bench.segments[0]!);
  const bytes = readFileSync(file);
  bytes[bytes.indexOf('value 3')]! ^= 1;
  bytes[bytes.indexOf('value 7')]! ^= 1;
  writeFileSync(file, bytes);
  writeFileSync(join(bench.folder, '0000000009-0123456789abcdef.segment'), randomBytes(5000));
  writeFileSync(join(bench.folder, 'something else'), 'not ours');

  const again = await bench.open();
  assert.equal((await again.keys()).length, 8);
  assert.equal(bench.damaged, 3);
  assert.deepEqual(bench.settings.logger.messages('error'), ['Stored values are damaged and were passed over']);
  await settle(50);
  await again.close();
  const third = await bench.open();
  assert.equal((await third.keys()).length, 8);
  assert.equal(bench.damaged, 3, 'not found a second time');
  await third.close();
});

test('whatever is done to the files, it starts, makes nothing up, and can be written to', async () => {
  for (let round = 0; round < 60; round++) {
    const bench = new Bench();
    const client = await bench.open({ max_size: 8000 });
    for (let i = 0; i < 40; i++) await client.set(`k${i}`, Buffer.from(`value ${i} ${'.'.repeat(i)}`));
    await client.close();
    assert.ok(bench.segments.length > 2);
    for (const name of bench.segments) {
      const bytes = readFileSync(join(bench.folder, name));
      const [what = 0, where = 0, ...noise] = randomBytes(2 + (round % 30));
      const at = Math.floor((where / 256) * bytes.length);
      const pieces = [
        [bytes.subarray(0, at)],
        [bytes.subarray(at)],
        [bytes.subarray(0, at), Buffer.from(noise), bytes.subarray(at)],
        [bytes.subarray(0, at), Buffer.from(noise), bytes.subarray(at + noise.length)],
        [bytes, Buffer.alloc(4096)],
      ];
      writeFileSync(join(bench.folder, name), Buffer.concat(pieces[what % pieces.length]!));
    }
    const again = await bench.open();
    for (const key of await again.keys()) {
      assert.match(String(await again.get(key)), new RegExp(`^value ${key.slice(1)} `));
    }
    await again.set('new', Buffer.from('new'));
    await again.close();
    const third = await bench.open();
    assert.equal(String(await third.get('new')), 'new');
    await third.close();
  }
});

test('a value that is damaged while the process runs is passed over too', async () => {
  const bench = new Bench();
  const client = await bench.open();
  await client.set('a', Buffer.from('the value'));
  await client.set('b', Buffer.from('b'));
  const file = join(bench.folder, bench.segments[0]!);
  writeFileSync(file, Buffer.from(readFileSync(file).toString('latin1').replace('the value', 'THE value'), 'latin1'));
  assert.equal(await client.get('a'), undefined);
  assert.equal(await client.get('a'), undefined);
  assert.deepEqual(await client.keys(), ['b']);
  assert.equal(bench.damaged, 1);
  await client.close();
});

test('the end cut off at every byte: what was acknowledged before the cut is there', async () => {
  const bench = new Bench();
  const client = await bench.open();
  for (let i = 0; i < 4; i++) await client.set(`k${i}`, Buffer.from('v'.repeat(i)));
  await client.close();
  const name = bench.segments[0]!;
  const bytes = readFileSync(join(bench.folder, name));
  let fewest = 4;
  for (let cut = bytes.length; cut >= 0; cut--) {
    writeFileSync(join(bench.folder, name), bytes.subarray(0, cut));
    const cutOff = await bench.open();
    const keys = await cutOff.keys();
    assert.ok(keys.length <= fewest && keys.every((key, i) => key === `k${i}`), `${keys} at ${cut}`);
    fewest = keys.length;
    // it can be written to
    await cutOff.set('new', Buffer.from('new'));
    assert.equal(String(await cutOff.get('new')), 'new');
    await cutOff.close();
    for (const other of bench.segments) if (other !== name) rmSync(join(bench.folder, other));
  }
  assert.equal(bench.damaged, 0, 'which is no damage');
});

test('a file that cannot be read does not keep the others from being read', async () => {
  const bench = new Bench();
  const client = await bench.open();
  await client.set('a', Buffer.from('a'));
  await client.close();
  bench.files.unreadable = /0000000001/;
  const again = await bench.open();
  assert.deepEqual(await again.keys(), []);
  await again.set('b', Buffer.from('b'));
  await again.close();
  assert.equal(bench.damaged, 1);
  bench.files.unreadable = undefined;
  assert.deepEqual(await all(await bench.open()), { a: 'a', b: 'b' });
  await bench.storage?.shutdown();
});

test('two users of the same data: the second one waits, and gives up after the timeout', async () => {
  const bench = new Bench();
  const client = await bench.open();
  const { clock } = bench.settings;
  const waits = async (): Promise<void> => {
    while (clock.pending === 0) await settle(1);
  };
  const refused = assert.rejects(bench.open({ timeout: 1000 }), {
    message: `timeout: ${bench.folder} is in use by another process or component`,
  });
  await waits();
  for (let i = 0; i < 50; i++) await clock.advanceAsync(20);
  await refused;

  const waiting = bench.open({ timeout: 1000 });
  await waits();
  await bench.storage?.client({ ...OWNER, name: 'metrics' }).then((other) => other.close());
  await client.close();
  await clock.advanceAsync(20);
  await (await waiting).close();
});

test('folders are named as the files of the collector, whose files are left alone', async () => {
  const bench = new Bench();
  closeSync(openSync(join(bench.directory, 'exporter_otlp_eu_traces'), 'w'));
  await bench.open();
  assert.deepEqual(bench.settings.logger.messages('warn'), [
    'A file of the Go collector is not read; what it kept stays there',
  ]);
  await bench.storage?.client({ kind: 'processor', id: 'tail_sampling', name: 'traces/2' });
  await bench.storage?.client({ kind: 'receiver', id: 'kafka', name: '' });
  await bench.storage?.client({ kind: 'receiver', id: `kafka/${'x'.repeat(300)}`, name: '' });
  const names = readdirSync(bench.directory).toSorted();
  assert.match(names.find((name) => name.length > 60) ?? '', /^[0-9a-f]{64}\.segments$/);
  assert.deepEqual(
    names.filter((name) => name.length <= 60),
    [
      'exporter_otlp_eu_traces',
      'exporter_otlp_eu_traces.segments',
      'processor_tail_sampling__traces~002F2.segments',
      'receiver_kafka_.segments',
    ],
  );
  await bench.storage?.shutdown();
});

test('a full disk: new values are refused, deletions hold, and what they free is used', async () => {
  const bench = new Bench();
  const client = await bench.open({ max_size: 8 << 20 });
  const value = randomBytes(600_000);
  bench.files.room = 2_600_000;
  const outcomes: string[] = [];
  for (let i = 0; i < 8; i++) {
    await client.set(`k${i}`, value).then(
      () => outcomes.push('kept'),
      (error: Error) => outcomes.push(error.message.slice(0, 6)),
    );
  }
  assert.deepEqual(outcomes, ['kept', 'kept', 'kept', 'kept', 'ENOSPC', 'ENOSPC', 'ENOSPC', 'ENOSPC']);
  assert.ok(bench.bytes < 2_500_000, 'what was written in part is taken back');
  assert.deepEqual(await client.get('k3'), value);
  bench.files.room = 0;
  for (const key of ['k2', 'k0', 'k1']) await assert.rejects(client.delete(key), /ENOSPC/);
  assert.deepEqual(await client.keys(), ['k3'], 'gone all the same');
  bench.settings.clock.advance(1000);
  await settle(20);
  await client.set('next', value);
  assert.deepEqual(bench.settings.logger.messages(), [
    'Writing to the storage fails',
    'Writing to the storage works again',
  ]);
  await client.close();
  assert.deepEqual(Object.keys(await all(await bench.open())), ['k3', 'next']);
  await bench.storage?.shutdown();
});

test('a disk that was full of what is all delivered by now is not full for ever', async () => {
  const bench = new Bench();
  const client = await bench.open();
  bench.files.room = 100_000;
  for (let i = 0; i < 9; i++) await client.set(`k${i}`, randomBytes(10_000));
  bench.files.room = 0;
  await Promise.allSettled(Array.from({ length: 9 }, (_, i) => client.delete(`k${i}`)));
  bench.settings.clock.advance(1000);
  await settle(20);
  await client.set('new', randomBytes(10_000));
  await client.close();
  assert.equal(bench.segments.length, 1);
});

test('what could not be made safe was not accepted, and does not come back', async () => {
  for (const truncateFails of [false, true]) {
    const bench = new Bench();
    const client = await bench.open({ fsync: true });
    await client.set('a', Buffer.from('a'));
    Object.assign(bench.files, { syncFails: true, truncateFails });
    await assert.rejects(client.set('b', Buffer.from('b')), /EIO/);
    assert.equal(await client.get('b'), undefined);
    Object.assign(bench.files, { syncFails: false, truncateFails: false });
    await client.set('c', Buffer.from('c'));
    await client.close();
    const keys = await (await bench.open()).keys();
    // where it cannot even be taken back, it may be there: sent once too often is better than not at all
    assert.deepEqual(keys.filter((key) => !truncateFails || key !== 'b').toSorted(), ['a', 'c']);
    await bench.storage?.shutdown();
  }
});

test('max_size: refused with a reason until there is room', async () => {
  const bench = new Bench();
  const client = await bench.open({ max_size: 100_000 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => client.set(`k${i}`, randomBytes(10_000))),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.equal(refused.length, 12);
  assert.match(String(refused[0]?.reason), /storage is full/);
  assert.ok(bench.bytes < 100_000);
  for (let i = 0; i < 8; i++) await client.delete(`k${i}`);
  await client.set('again', randomBytes(10_000));
  await client.close();
});
