import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toPlainData } from '../../core/config/node.ts';
import { retrieve } from './providers.ts';

const context = { env: {}, strict: false, warn: () => {}, keepSource: () => {} };
const folder = mkdtempSync(join(tmpdir(), 'weir-providers-'));

async function read(bytes: Uint8Array): Promise<unknown> {
  const opaque = join(folder, 'c.yaml');
  writeFileSync(opaque, bytes);
  return toPlainData((await retrieve({ scheme: 'file', opaque }, context)).node);
}

const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');

test('files are UTF-8, or what their byte order mark says', async () => {
  assert.deepEqual(await read(Buffer.from('a: ü')), { a: 'ü' });
  assert.deepEqual(await read(Buffer.from('\ufeffa: ü')), { a: 'ü' });
  assert.deepEqual(await read(utf16('a: ü')), { a: 'ü' });
  assert.deepEqual(await read(utf16('a: ü').swap16()), { a: 'ü' });
});

test('bytes that are no text are refused', async () => {
  await assert.rejects(read(Buffer.from('a: \xe9 # latin 1', 'latin1')), /the text is not UTF-8/);
  await assert.rejects(read(Buffer.from([0x61, 0xed, 0xa0, 0x80])), /the text is not UTF-8/);
  await assert.rejects(read(Buffer.from([0xff, 0xfe, 0x61])), /the text is not UTF-16LE/);
});
