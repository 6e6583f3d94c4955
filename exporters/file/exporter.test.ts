import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { readYaml } from '../../core/config/read.ts';
import type { PipelineError } from '../../core/error.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { isReleased, spanBatch, spanNames } from '../../core/testing/spans.ts';
import { type Config, config } from './config.ts';
import { fileExporter } from './exporter.ts';
import { pathFor } from './grouping.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-file-'));
after(() => rmSync(root, { recursive: true }));
const directory = () => mkdtempSync(join(root, 'case-'));

function exporter(options: Partial<Config>) {
  const settings = testSettings({ id: 'file', kind: 'exporter' });
  const defaults = config.absent();
  const full = { ...defaults, path: join(directory(), 'out.json'), ...options };
  return { settings, path: full.path, file: fileExporter(settings, full) };
}

async function started(options: Partial<Config> = {}) {
  const made = exporter(options);
  await made.file.start(new NopHost());
  return made;
}

const fromProto = (bytes: Buffer) => spanNames(Telemetry.of('traces', bytes, 0)).join();
const namesIn = (line: string) => fromProto(decodeJson('traces', Buffer.from(line)).bytes);
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n').filter(Boolean).map(namesIn);

/** The messages of a file in which each follows its length. */
function messages(path: string): Buffer[] {
  const bytes = readFileSync(path);
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

/** Real I/O takes real turns of the event loop. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !holds(); i++) await settle(10);
  assert.ok(holds());
}

test('JSON is a line a batch, all signals in one file, in the file at the flush interval', async () => {
  const { file, path, settings } = await started({ flush_interval: 500 });
  const batch = spanBatch(['a', 'b'], { 'service.name': 's' });
  assert.equal(file.consume(batch), undefined);
  assert.equal(isReleased(batch), true);
  const log = '{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"body":{"intValue":"7"}}]}]}]}';
  const { bytes, items } = decodeJson('logs', Buffer.from(log));
  file.consume(Telemetry.of('logs', bytes, items));
  assert.equal(readFileSync(path, 'utf8'), '');
  settings.clock.advance(500);
  await until(() => statSync(path).size > 0);
  const [first, second] = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.equal(namesIn(first ?? ''), 'a,b');
  assert.deepEqual(JSON.parse(second ?? ''), JSON.parse(log));
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans', { exporter: 'file' }), 2);
  await file.shutdown();
  assert.equal(settings.clock.pending, 0);
});

test('shutdown writes what is left, once', async () => {
  const { file, path } = await started();
  const all = Array.from({ length: 500 }, (_, i) => `span-${i}`);
  for (const name of all) file.consume(spanBatch([name]));
  await Promise.all([file.shutdown(), file.shutdown()]);
  assert.deepEqual(lines(path), all);
});

test('more than fits one write arrives in order', async () => {
  const { file, path } = await started();
  const all = Array.from({ length: 3000 }, (_, i) => `${i}`);
  for (const name of all) await file.consume(spanBatch([name, 'x'.repeat(10_000)]));
  await file.shutdown();
  assert.deepEqual(
    lines(path),
    all.map((name) => `${name},${'x'.repeat(10_000)}`),
  );
});

test('the file is emptied at the start unless append is set', async () => {
  const { path } = exporter({});
  for (const [append, expected] of [
    [false, 1],
    [true, 2],
    [false, 1],
  ] as const) {
    const { file } = await started({ path, append });
    file.consume(spanBatch(['a']));
    await file.shutdown();
    assert.equal(lines(path).length, expected);
  }
});

test('proto and compressed messages follow their length', async () => {
  const proto = await started({ format: 'proto' });
  const zstd = await started({ compression: 'zstd', compression_params: { level: 6 } });
  const both = await started({ format: 'proto', compression: 'zstd' });
  for (const { file } of [proto, zstd, both]) {
    file.consume(spanBatch(['a']));
    await file.consume(spanBatch(Array.from({ length: 5000 }, (_, i) => `long-${i}`)));
    await file.shutdown();
  }
  assert.deepEqual(messages(proto.path).map(fromProto)[0], 'a');
  assert.equal(messages(proto.path).map(fromProto)[1]?.split(',').length, 5000);
  const texts = messages(zstd.path).map((message) => namesIn(zstdDecompressSync(message).toString()));
  assert.deepEqual(
    texts.map((text) => text.split(',').length),
    [1, 5000],
  );
  assert.equal(fromProto(zstdDecompressSync(messages(both.path)[0] ?? Buffer.alloc(0))), 'a');
});

test('a file that cannot be opened fails the start; create_directory makes the directory', async () => {
  const path = join(directory(), 'sub', 'deep', 'out.json');
  await assert.rejects(started({ path }), /ENOENT/);
  const { file } = await started({ path, create_directory: true, directory_permissions: '0700' });
  await file.shutdown();
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  await assert.rejects(started({ encoding: 'otlp_encoding/x' }), { message: 'unknown encoding "otlp_encoding/x"' });
});

test('while the file cannot be written new data is refused for now, what was accepted is kept', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('needs /dev/full');
  const path = join(directory(), 'full');
  symlinkSync('/dev/full', path);
  const { file, settings } = await started({ path });
  file.consume(spanBatch(['kept']));
  settings.clock.advance(1000);
  await until(() => settings.logger.messages('error').length > 0);
  const refused = spanBatch(['refused']);
  await assert.rejects(Promise.resolve(file.consume(refused)), (error: PipelineError) => {
    assert.match(error.message, /ENOSPC/);
    return !error.permanent;
  });
  assert.equal(isReleased(refused), true);
  await file.shutdown();
  assert.deepEqual(
    settings.logger.messages('error').filter((m) => !m.startsWith('Exporting')),
    ['The file cannot be written, new data is refused', 'Data could not be written to the file and is lost'],
  );
});

const ROTATION = { max_megabytes: 1, max_days: 0, max_backups: 2, localtime: false };

test('rotation sets files aside by size, with the time in their names, and keeps so many', async () => {
  const dir = directory();
  const path = join(dir, 'out.json');
  const { file, settings } = await started({ path, rotation: ROTATION });
  assert.equal(existsSync(path), false, 'the file is opened with the first message');
  const large = 'x'.repeat(400_000);
  for (let i = 0; i < 9; i++) {
    await file.consume(spanBatch([`${i}`, large]));
    settings.clock.advance(1000);
    await settle(50);
  }
  await file.shutdown();
  const backups = readdirSync(dir)
    .filter((name) => name !== 'out.json')
    .sort();
  assert.equal(backups.length, 2);
  assert.ok(
    backups.every((name) => /^out-2020-02-11T20-26-\d\d\.\d{3}-size\.json$/.test(name)),
    backups.join(),
  );
  const kept = [...backups.map((name) => join(dir, name)), path].flatMap(lines).map((names) => names.split(',')[0]);
  assert.deepEqual(kept, ['4', '5', '6', '7', '8'], 'two in a file; the oldest files are gone');
  assert.ok(statSync(path).size <= 1024 * 1024);
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test('rotation continues a file, keeps foreign files and lets a message be larger than the limit', async () => {
  const dir = directory();
  const path = join(dir, 'out.json');
  const foreign = ['out-2020.json', 'out-2001-01-01T00-00-00.000-size.txt', 'other-2001-01-01T00-00-00.000-size.json'];
  for (const name of [...foreign, 'out-2001-01-01T00-00-00.000-size.json']) writeFileSync(join(dir, name), '');
  for (const name of ['a', 'b', 'y'.repeat(2_000_000), 'c']) {
    const { file } = await started({ path, rotation: { ...ROTATION, max_backups: 0, max_days: 1 } });
    await file.consume(spanBatch([name]));
    await file.shutdown();
  }
  const files = readdirSync(dir);
  assert.ok(foreign.every((name) => files.includes(name)));
  assert.equal(files.includes('out-2001-01-01T00-00-00.000-size.json'), false, 'older than max_days');
  const backups = files.filter((name) => /^out-2020-.*size/.test(name)).sort();
  assert.deepEqual(
    backups.flatMap((name) => lines(join(dir, name)).map((n) => n.slice(0, 1))),
    ['a', 'b', 'y'],
  );
  assert.deepEqual(lines(path), ['c']);
});

test('group_by writes a file per value of the attribute', async () => {
  const dir = directory();
  const group_by = { enabled: true, resource_attribute: 'team', max_open_files: 1 };
  const { file, settings } = await started({ path: join(dir, '*', 'out.json'), group_by });
  const batches = [
    Telemetry.join([spanBatch(['a1'], { team: 'a' }), spanBatch(['b1'], { team: 'b' }), spanBatch(['none'])]),
    Telemetry.join([spanBatch(['a2'], { team: 'a' }), spanBatch(['a3'], { team: 'a' })]),
  ];
  for (const batch of batches) await file.consume(batch);
  await Promise.all(['a4', 'a5'].map((name, i) => file.consume(spanBatch([name], { team: i === 0 ? 'a' : 'b' }))));
  await file.shutdown();
  assert.deepEqual(lines(join(dir, 'a/out.json')), ['a1', 'a2,a3', 'a4'], 'a file opened again is continued');
  assert.deepEqual(lines(join(dir, 'b/out.json')), ['b1', 'a5']);
  assert.deepEqual(readdirSync(dir).sort(), ['a', 'b']);
  assert.ok(batches.every(isReleased));
  assert.deepEqual(settings.logger.messages('debug'), ['Resource does not contain team attribute, dropping it']);
  assert.equal(settings.clock.pending, 0);
});

test('a group that cannot be written is refused alone', async () => {
  const dir = directory();
  writeFileSync(join(dir, 'blocked'), 'a file where a directory is needed');
  const group_by = { enabled: true, resource_attribute: 'team', max_open_files: 10 };
  const { file, settings } = await started({ path: join(dir, '*', 'out.json'), group_by });
  const batch = Telemetry.join([spanBatch(['ok'], { team: 'good' }), spanBatch(['x', 'y'], { team: 'blocked' })]);
  await assert.rejects(Promise.resolve(file.consume(batch)), (error: PipelineError) => !error.permanent);
  await file.shutdown();
  assert.deepEqual(lines(join(dir, 'good/out.json')), ['ok']);
  assert.equal(settings.meter.value('otelcol_exporter_sent_spans'), 1);
  assert.equal(settings.meter.value('otelcol_exporter_send_failed_spans'), 2);
  assert.equal(isReleased(batch), true);
});

test('what can be read and cannot start says so at the start, what cannot be read before', async () => {
  const { file } = exporter({ group_by: { enabled: true, resource_attribute: 'team', max_open_files: 0 } });
  await assert.rejects(async () => file.start(new NopHost()), /^Error: max_open_files must be larger than zero$/);
  readYaml(config, '{path: "a/*", group_by: {enabled: true, max_open_files: 0}}');
  assert.throws(() => readYaml(config, '{path: a, format: }'), /format type is not supported/);
});

test('no value leads out of the directory before the *', () => {
  for (const [path, value, expected] of [
    ['/var/log/*.json', 'a', '/var/log/a.json'],
    ['/var/log/*.json', 'a/b', '/var/log/a/b.json'],
    ['/var/log/*.json', '../../etc/passwd', '/var/log/etc/passwd.json'],
    ['/var/log/*.json', 'a/../../../etc/x', '/var/log/etc/x.json'],
    ['/var/log/*.json', './a', '/var/log/a.json'],
    ['./out-*/x', '../y', 'out-/y/x'],
    ['/var/log/*.json', 'a\0b', '/var/log/ab.json'],
    ['/var/log/app-*', '/../../x', '/var/log/app-/x'],
  ] as const) {
    assert.equal(pathFor(path, value), expected, `${path} with ${value}`);
  }
});
