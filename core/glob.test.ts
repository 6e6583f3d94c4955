import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGlob, GlobError } from './glob.ts';

const CASES: readonly (readonly [glob: string, matches: readonly string[], differs: readonly string[]])[] = [
  ['http.*', ['http.', 'http.method'], ['http', 'http.a.b', 'xhttp.a']],
  ['http.**', ['http.', 'http.a.b'], ['http']],
  ['*', ['', 'a'], ['a.b']],
  ['**', ['', 'a.b', 'line\nbreak'], []],
  ['a?c', ['abc', 'aüc'], ['a.c', 'ac']],
  ['[ab]x', ['ax', 'bx'], ['cx']],
  ['[!a-c]x', ['dx', '-x'], ['ax', 'cx']],
  ['{a,b*,c.{d,e}}', ['a', 'b', 'bcd', 'c.d', 'c.e'], ['c', 'b.c', 'd']],
  ['x{,y}z', ['xz', 'xyz'], ['xyyz']],
  ['a\\*b', ['a*b'], ['axb']],
  ['a+(b)|^$', ['a+(b)|^$'], ['aab']],
];

for (const [glob, matches, differs] of CASES) {
  test(`${glob} matches ${matches.map((text) => JSON.stringify(text)).join(', ')}`, () => {
    const match = compileGlob(glob, '.');
    assert.deepEqual([...matches, ...differs].filter(match), matches);
  });
}

for (const glob of ['[', '[]', '{a', 'a}', '[a', 'a\\', '[z-a]']) {
  test(`${glob} is refused`, () => {
    assert.throws(() => compileGlob(glob, '.'), GlobError);
  });
}
