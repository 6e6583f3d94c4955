import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { PipelineError } from '../error.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { PasswordChecker } from './checker.ts';
import { parseHtpasswd } from './htpasswd.ts';
import { matchesSlowly } from './slow-match.ts';

const checkers: PasswordChecker[] = [];
afterEach(() => {
  for (const checker of checkers.splice(0)) checker.close();
});

const parse = (text: string | Buffer, skipped: unknown[] = []) =>
  parseHtpasswd(Buffer.from(text as string), (line, reason) => skipped.push([line, reason]));

function checkerOf(text: string, clock = new FakeClock()) {
  const checker = new PasswordChecker(parse(text), clock);
  checkers.push(checker);
  return { check: (user: string, password: string) => checker.check(user, Buffer.from(password)), checker, clock };
}

test('hashes of another program have their passwords, and no other', () => {
  const openssl = (scheme: string, salt: string, password: string): string =>
    execFileSync('openssl', ['passwd', scheme, '-salt', salt, password]).toString().trim();
  for (const scheme of ['-apr1', '-1', '-5', '-6']) {
    for (const [salt, password] of [
      ['x', 'a'],
      ['saltsalt', 'sixteen letters!'],
      ['saltsalt', 'pässwörd'],
      ['01234567', 'p'.repeat(200)],
    ] as const) {
      const encoded = openssl(scheme, salt, password);
      assert.equal(matchesSlowly(encoded, Buffer.from(password)), true, encoded);
      assert.equal(matchesSlowly(encoded, Buffer.from(`${password} `)), false, encoded);
    }
  }
  // of crypt(3) of the GNU C library, which openssl cannot make
  const empty = '$5$abcdefgh$mnv0N8gJGuJiQCFVlADjwwxPyRiUO8rGuljjETTLqw9';
  assert.equal(matchesSlowly(empty, Buffer.alloc(0)), true);
});

test('bcrypt under all its letters; bytes that are no text have no hash', () => {
  const hash = hashSync('bär', 4);
  for (const letter of ['a', 'b', 'x', 'y']) {
    assert.equal(matchesSlowly(`$2${letter}${hash.slice(3)}`, Buffer.from('bär')), true);
    assert.equal(matchesSlowly(`$2${letter}${hash.slice(3)}`, Buffer.from('bar')), false);
  }
  assert.equal(matchesSlowly(hashSync('\ufffd', 4), Buffer.from([0xff])), false);
});

test('what is no hash of its kind has no password', async () => {
  const skipped: unknown[] = [];
  const text = 'no colon\n\n  \na:{SHA}short\nb:{SSHA}AAAA\nc:{SHA}!!\nd:{SHA}\n e:plain \r\n';
  const passwords = parse(text, skipped);
  assert.deepEqual(skipped, [
    [1, 'no colon'],
    [4, 'malformed base64'],
    [5, 'wrong length of the hash'],
    [6, 'malformed base64'],
    [7, 'wrong length of the hash'],
  ]);
  assert.deepEqual([...passwords.keys()], ['e']);
  assert.equal(passwords.get('e')?.matches?.(Buffer.from('plain')), true);
  const { check } = checkerOf('a:$2y$99$nonsense\nb:$apr1$nosalt\nc:$5$x\nd:$2y$05$\ne:$6$rounds=abc$salt$x');
  for (const user of ['a', 'b', 'c', 'd', 'e']) assert.equal(await check(user, 'x'), false, user);
});

test('names and passwords are bytes', () => {
  const checker = new PasswordChecker(parse(Buffer.from([0x61, 0xe0, 0x3a, 0xff, 0x0a])), new FakeClock());
  assert.equal(checker.check('a\xe0', Buffer.from([0xff])), true);
  assert.equal(checker.check('a\xe0', Buffer.from([0xfe])), false);
  const { check } = checkerOf('à:à');
  assert.equal(check(Buffer.from('à').toString('latin1'), 'à'), true);
});

test('a slow answer is computed once, beside the event loop, and given at once from then on', async () => {
  const { check } = checkerOf(`u:${hashSync('right', 10)}`);
  let turns = 0;
  const turn = setInterval(() => turns++, 1);
  const asked = Array.from({ length: 50 }, () => check('u', 'right'));
  assert.ok(
    asked.every((answer) => answer === asked[0]),
    'all wait for one computation',
  );
  assert.equal(await asked[0], true);
  clearInterval(turn);
  assert.ok(turns > 3, `the event loop went on: ${turns} turns`);
  assert.equal(check('u', 'right'), true);
  assert.equal(await check('u', 'wrong'), false);
  assert.equal(check('u', 'wrong'), false, 'a wrong password is not computed again either');
});

test('beyond 64 waiting checks an unknown password may be tried again later, a known one is let in', async () => {
  const { check } = checkerOf(`u:${hashSync('right', 4)}`);
  assert.equal(await check('u', 'right'), true);
  const tried = Array.from({ length: 100 }, (_, i) => check('u', `guess ${i}`) as Promise<boolean>);
  assert.equal(check('u', 'right'), true);
  const results = await Promise.allSettled(tried);
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 36);
  for (const { reason } of refused) assert.ok(reason instanceof PipelineError && !reason.permanent);
  assert.equal(await check('u', 'guess 99'), false, 'afterwards it is found out');
});

test('the thread ends when nobody has asked for a while, and comes back', async () => {
  const { check, clock } = checkerOf(`u:${hashSync('right', 4)}`);
  const threads = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
  assert.equal(await check('u', 'a'), false);
  assert.equal(clock.pending, 1);
  clock.advance(30_000);
  assert.equal(clock.pending, 0);
  for (let i = 0; i < 100 && threads() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await check('u', 'right'), true);
});

test('a check under way at the end fails', async () => {
  const { check, checker, clock } = checkerOf(`u:${hashSync('right', 12)}`);
  const pending = check('u', 'right');
  checker.close();
  await assert.rejects(Promise.resolve(pending), /passwords cannot be checked: shutting down/);
  assert.equal(clock.pending, 0);
});
