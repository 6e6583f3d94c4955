import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutPasswords } from './url-password.ts';

test('passwords of URLs are replaced, everything else stays', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['http://bob:secret@host:80/path?x=1', 'http://bob:***@host:80/path?x=1'],
    ['Post "https://bob:s@cret@host/v1": refused', 'Post "https://bob:***@host/v1": refused'],
    ['tcp://:secret@host and http://a:b@c', 'tcp://:***@host and http://a:***@c'],
    ['http://host:9000?username=a&password=secret&x=1', 'http://host:9000?username=a&password=***&x=1'],
    ['http://bob@host:80/a:b@c', 'http://bob@host:80/a:b@c'],
    ['http://host:80/a@b=c', 'http://host:80/a@b=c'],
    ['bob@host', 'bob@host'],
    ['plain', 'plain'],
  ];
  for (const [text, expected] of cases) assert.equal(withoutPasswords(text), expected);
  assert.equal(withoutPasswords('http://a:b@c', '[REDACTED]'), 'http://a:[REDACTED]@c');
});
