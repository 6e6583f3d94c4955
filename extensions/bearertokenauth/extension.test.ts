import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config } from './config.ts';
import { BearerTokenAuth } from './extension.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-bearer-'));
after(() => rmSync(directory, { recursive: true }));

function extension(yaml: string) {
  const settings = testSettings({ id: 'bearertokenauth', kind: 'extension', signals: [] });
  const auth = new BearerTokenAuth(settings, readYaml(config, yaml));
  const sent = () => {
    const headers = new Map<string, string>();
    auth.authorize(headers);
    return Object.fromEntries(headers);
  };
  const lets = (value: string, header = 'authorization') => {
    try {
      return auth.authenticate(new Map([[header, [value]]])).size === 0;
    } catch {
      return false;
    }
  };
  return { auth, sent, lets, ...settings };
}

test('a token is the first word of its text; several are taken as they are', () => {
  const one = extension('token: "t a comment"');
  assert.deepEqual(one.sent(), { authorization: 'Bearer t' });
  assert.deepEqual([one.lets('Bearer t'), one.lets('Bearer t a comment'), one.lets('t')], [true, false, false]);
  const several = extension('{tokens: ["a b", c], scheme: "", header: X-Key}');
  assert.deepEqual(several.sent(), { 'x-key': 'a b' });
  assert.deepEqual([several.lets('c', 'x-key'), several.lets('c'), several.lets('', 'x-key')], [true, false, false]);
});

test('a file is followed, through links too; without a token in it the last ones stay', () => {
  const [first, second, file] = ['first', 'second', 'token'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(first, ' one  comment\n\ntwo\n');
  symlinkSync(first, file);
  const { auth, sent, lets, clock, logger } = extension(`{filename: ${file}, token: ignored}`);
  auth.start();
  assert.deepEqual(sent(), { authorization: 'Bearer one' });
  assert.deepEqual([lets('Bearer two'), lets('Bearer ignored')], [true, false]);
  // as Kubernetes does
  writeFileSync(second, 'three');
  symlinkSync(second, `${file}.new`);
  renameSync(`${file}.new`, file);
  clock.advance(1000);
  assert.deepEqual([sent().authorization, lets('Bearer one')], ['Bearer three', false]);
  writeFileSync(second, '  \n');
  clock.advance(5000);
  rmSync(second);
  clock.advance(5000);
  assert.equal(sent().authorization, 'Bearer three');
  const stays = 'failed to reload credentials file, keeping last value';
  const ignored = 'a filename is specified. Configured token(s) is ignored!';
  assert.deepEqual(logger.messages('warn'), [ignored, stays, stays], 'each fault once');
  auth.shutdown();
  assert.equal(clock.pending, 0);
});

test('a file that is not there, or empty, fails the start', () => {
  const gone = extension(`filename: ${join(directory, 'gone')}`);
  assert.throws(() => gone.auth.start(), /failed to read credentials file ".*gone": open .*gone: no such file/);
  writeFileSync(join(directory, 'empty'), '\n');
  const empty = extension(`filename: ${join(directory, 'empty')}`);
  assert.throws(() => empty.auth.start(), /credentials file ".*empty" is empty/);
});
