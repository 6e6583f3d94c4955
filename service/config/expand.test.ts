// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is what is tested
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ConfigError } from '../../core/config/fault.ts';
import { type ConfigNode, toPlainData } from '../../core/config/node.ts';
import { resolveConfig } from './resolve.ts';

const ENV = {
  B: 'bee',
  NUM: '0123',
  NAME: 'B',
  LOOP: '${LOOP}',
  REC: 'a ${B}',
  DOLLARS: '$$x $y',
  QUOTED: '"q"',
  EMPTY: '',
  MAP: '{a: 1, b: "$$z"}',
  LIST: '[1, x]',
};

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-config-'));
});
after(() => rm(folder, { recursive: true }));

async function resolve(uris: readonly string[], sets: readonly string[] = [], append = false) {
  const warnings: string[] = [];
  const context = { env: ENV, strict: false, warn: (line: string) => void warnings.push(line), keepSource: () => {} };
  const node = await resolveConfig({ uris, sets, append }, context);
  return { node, plain: toPlainData(node), warnings };
}

async function expand(value: string): Promise<ConfigNode> {
  const { node } = await resolve([`yaml:k: ${JSON.stringify(value)}`]);
  const k = node.entries.get('k');
  assert.ok(k);
  return k.node;
}

const VALUES: readonly (readonly [text: string, value: unknown, original?: string])[] = [
  ['plain', 'plain'],
  ['${B}', 'bee', 'bee'],
  ['${env:B}', 'bee', 'bee'],
  ['x ${B} y ${B}', 'x bee y bee'],
  ['$B', '$B'],
  ['$$ $$$$', '$ $$'],
  ['$${B}', '${B}'],
  ['$${A} ${B}', '${A} ${B}'],
  ['$$${B}', '$bee'],
  ['x ${B} $${B}', 'x bee $bee'],
  ['${NUM}', 83, '0123'],
  ['${NUM}0', '01230'],
  ['${env:${NAME}}', 'bee', 'bee'],
  ['${env:UNSET:-5}', 5, '5'],
  ['${env:UNSET:-}', null, ''],
  ['${env:UNSET:-${B}}', 'bee', 'bee'],
  ['${env:UNSET:-a:-b}', 'a:-b', 'a:-b'],
  ['${env:EMPTY:-x}', null, ''],
  ['a${env:UNSET}b', 'ab'],
  ['${REC}', 'a bee'],
  ['${DOLLARS}', '$x $y', '$x $y'],
  ['${QUOTED}', '"q"', '"q"'],
  ['a ${QUOTED}', 'a "q"'],
  ['}${B}', '}bee'],
  ['${B', '${B'],
  ['${LIST}', [1, 'x'], '[1, x]'],
  ['${MAP}', { a: 1, b: '$z' }, '{a: 1, b: "$z"}'],
  ['${yaml:[1}', '[1', '[1'],
];

test('expansion gives what the collector gives', async () => {
  for (const [text, value, original] of VALUES) {
    const node = await expand(text);
    assert.deepEqual(toPlainData(node), value, text);
    assert.equal(node.text, original, text);
  }
});

const FAULTS: readonly (readonly [text: string, message: string])[] = [
  ['${UNSET:-5}', 'scheme "UNSET" is not supported for uri "UNSET:-5"'],
  ['${env:1X}', 'environment variable "1X" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$'],
  ['${}', 'environment variable "" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$'],
  ['${foo:bar}', 'scheme "foo" is not supported for uri "foo:bar"'],
  ['${a:b}', 'invalid uri: "a:b"'],
  ['${env:UNSET:-$x}', 'the uri "env:UNSET:-$x" contains unsupported characters (\'$\')'],
  ['${LOOP}', 'too many recursive expansions'],
  ['${file:/nope}', 'unable to read the file file:/nope: open /nope: no such file or directory'],
];

test('expansion fails in the words of the collector, at the place of the value', async () => {
  for (const [text, message] of FAULTS) {
    await assert.rejects(resolve([`yaml:k: ${JSON.stringify(text)}`]), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      const [fault] = error.faults;
      assert.equal(fault?.message, `failed to get config: cannot resolve the configuration: ${message}`);
      assert.deepEqual(fault?.at, { source: 'yaml:', line: 1, column: 4 });
      return true;
    });
  }
});

test('an unset variable without default warns once for each place', async () => {
  const { warnings } = await resolve(['yaml:k: ["${env:GONE}", "${env:GONE}", "${env:EMPTY}", "${env:GONE:-x}"]']);
  assert.deepEqual(
    new Set(warnings),
    new Set([5, 20].map((c) => `yaml::1:${c}: Configuration references unset environment variable "GONE"`)),
  );
});

test('files come in by path, by URI and inside values; places point into them', async () => {
  const main = join(folder, 'main.yaml');
  const part = join(folder, 'part.yaml');
  await writeFile(main, `a: 1\nb: \${file:${part}}\n`);
  await writeFile(part, 'x:\n  y: ${B}\n');
  const { node, plain } = await resolve([main, `file:${main}`]);
  assert.deepEqual(plain, { a: 1, b: { x: { y: 'bee' } } });
  const b = node.entries.get('b')?.node;
  assert.ok(b?.kind === 'map');
  assert.deepEqual(b.entries.get('x')?.keyAt, { source: part, line: 1, column: 1 });
});

test('a file that includes itself ends in an error, not in the memory', async () => {
  const path = join(folder, 'self.yaml');
  await writeFile(path, `a: \${file:${path}}\nb: \${file:${path}}\n`);
  await assert.rejects(resolve([path]), /too many recursive expansions/);
});

test('http is fetched once with GET; another status than 200 is an error', async () => {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.statusCode = request.url === '/good' ? 200 : 404;
    response.end('a: ${B}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    assert.deepEqual((await resolve([`${base}/good`])).plain, { a: 'bee' });
    assert.deepEqual(requests, ['GET /good']);
    await assert.rejects(resolve([`${base}/bad`]), /failed to load resource from uri "http:.*\/bad". status code: 404/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  await assert.rejects(resolve([`${base}/gone`]), /unable to download the file via HTTP GET/);
});

test('later sources win: maps merge, lists and null replace, double colons are levels', async () => {
  const first = 'yaml:p: {a: {x: 1, y: 2}, l: [1, 2], n: {z: 1}}';
  const { plain } = await resolve([first, 'yaml:p: {a: {y: 3}, l: [3], n: }', 'yaml:p::a::z: 4'], ['p.a.x=[5]', 'q=1']);
  assert.deepEqual(plain, { p: { a: { x: [5], y: 3, z: 4 }, l: [3], n: null }, q: 1 });
});

test('double colons in one file are levels too, but not in keys inside lists', async () => {
  const { plain } = await resolve(['yaml:{"a::b": 1, a: {c: 2, "d::e": 3}, l: [{"x::y": 1}]}']);
  assert.deepEqual(plain, { a: { b: 1, c: 2, d: { e: 3 } }, l: [{ 'x::y': 1 }] });
});

test('the merge gate joins the lists of components only', async () => {
  const uris = ['yaml:{service: {extensions: [a], pipelines: {traces: {receivers: [a], processors: [a]}}}, l: [a]}'];
  const second = 'yaml:{service: {extensions: [a, b], pipelines: {traces: {receivers: [b], processors: [b]}}}, l: [b]}';
  const { plain } = await resolve([...uris, second], [], true);
  const traces = { receivers: ['a', 'b'], processors: ['b'] };
  assert.deepEqual(plain, { service: { extensions: ['a', 'b'], pipelines: { traces } }, l: ['b'] });
});

const SOURCES: readonly (readonly [uris: readonly string[], sets: readonly string[], message: RegExp])[] = [
  [[], [], /^at least one config flag must be provided$/],
  [['foo:bar'], [], /^unsupported scheme on URI "foo:bar"$/],
  [[':x'], [], /^invalid uri: ":x"$/],
  [['/nope.yaml'], [], /cannot retrieve the configuration: unable to read the file file:\/nope.yaml: open/],
  [['a:b'], [], /unable to read the file file:a:b/],
  [[tmpdir()], [], /is a directory/],
  [['yaml:x'], [], /retrieved value \(type=string\) cannot be used as a Conf$/],
  [['yaml:[a]'], [], /yaml::1:1: failed.*retrieved value \(type=\[\]interface {}\) cannot be used as a Conf$/],
  [
    ['yaml:a: [b'],
    [],
    /type=string\) cannot be used as a Conf: assuming string type since contents are not valid YAML: yaml: line 1/,
  ],
  [['yaml:a: b'], ['foo'], /^invalid argument "foo" for "--set" flag: missing equal sign$/],
];

test('sources that cannot be read stop everything with one message', async () => {
  for (const [uris, sets, message] of SOURCES) {
    await assert.rejects(resolve(uris, sets), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.faults.length, 1);
      assert.match(error.message, message);
      return true;
    });
  }
});
