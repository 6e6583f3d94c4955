import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { readYaml } from '../../core/config/read.ts';
import { settle } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { type Config, config } from './config.ts';
import { Pprof } from './extension.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-pprof-'));
const running: Pprof[] = [];
after(async () => {
  await Promise.all(running.map((extension) => extension.shutdown()));
  rmSync(directory, { recursive: true });
});

async function start(changes: Partial<Config> = {}) {
  const settings = testSettings({ id: 'pprof', kind: 'extension', signals: [] });
  const extension = new Pprof(settings, { ...config.absent(), endpoint: '127.0.0.1:0', ...changes });
  await extension.start(new NopHost());
  running.push(extension);
  const get = (path: string) => fetch(`http://127.0.0.1:${extension.port}/debug/pprof/${path}`);
  return { extension, get, clock: settings.clock };
}

function burnCpu(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end) createHash('sha256').update('x'.repeat(10_000)).digest();
}

interface Read {
  readonly types: string[];
  /** Function names, innermost first. */
  readonly stacks: string[][];
  readonly values: number[][];
  readonly profile: Profile;
}

function read(bytes: Uint8Array): Read {
  const profile = Profile.decode(gunzipSync(bytes));
  const { strings } = profile.stringTable;
  const text = (index: number | bigint): string => strings[Number(index)] ?? '';
  const functions = new Map(profile.function.map((f) => [Number(f.id), text(f.name)]));
  const locations = new Map(profile.location.map((l) => [Number(l.id), functions.get(Number(l.line[0]?.functionId))]));
  return {
    types: profile.sampleType.map((t) => `${text(t.type)}/${text(t.unit)}`),
    stacks: profile.sample.map((s) => s.locationId.map((id) => locations.get(Number(id)) ?? '?')),
    values: profile.sample.map((s) => s.value.map(Number)),
    profile,
  };
}

test('a CPU profile shows who used the time', async () => {
  const { get, clock } = await start();
  const response = get('profile?seconds=1');
  while (clock.pending === 0) await settle();
  await new Promise((resolve) => setTimeout(resolve, 50));
  burnCpu(200);
  clock.advance(1000);
  const answer = await response;
  assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
  const { types, stacks, values, profile } = read(new Uint8Array(await answer.arrayBuffer()));
  assert.deepEqual(types, ['samples/count', 'cpu/nanoseconds']);
  assert.equal(Number(profile.period), 1_000_000);
  const burning = stacks.flatMap((stack, index) => (stack.includes('burnCpu') ? [values[index]?.[1] ?? 0] : []));
  const nanos = burning.reduce((sum, n) => sum + n, 0);
  assert.ok(nanos > 50e6 && nanos < 1000e6, `${nanos} ns in burnCpu`);
  assert.ok(!stacks.flat().includes('(idle)') && !stacks.flat().includes('(root)'));
});

test('one CPU profile at a time, and not a longer one than memory is there for', async () => {
  const { get, clock } = await start();
  const before = clock.pending;
  const first = get('profile?seconds=100');
  while (clock.pending === before) await settle();
  const second = await get('profile?seconds=1');
  assert.equal(second.status, 500);
  assert.match(await second.text(), /already in use/);
  clock.advance(100_000);
  assert.equal((await first).status, 200);
  assert.equal((await get('profile?seconds=601')).status, 400);
});

test('a heap profile shows who holds memory', async () => {
  const { get } = await start();
  const held = allocateMuch();
  const { types, stacks, values } = read(new Uint8Array(await (await get('heap')).arrayBuffer()));
  assert.deepEqual(types, ['inuse_space/bytes']);
  const bytes = values.reduce((sum, value, i) => sum + (stacks[i]?.includes('allocateMuch') ? (value[0] ?? 0) : 0), 0);
  // 40 MB, of which one in 512 KiB is noted
  assert.ok(bytes > 10e6, `${bytes} bytes of ${held.length} lists`);
});

function allocateMuch(): number[][] {
  return Array.from({ length: 5000 }, (_, i) => new Array<number>(1000).fill(i + 0.5));
}

test('what there is not is said so', async () => {
  const { extension, get } = await start();
  assert.match(await (await get('')).text(), /seconds/);
  assert.match(await (await get('cmdline')).text(), /\0/);
  for (const name of ['goroutine', 'mutex', 'nonsense', 'toString']) {
    const response = await get(name);
    assert.equal(response.status, 404);
    assert.ok((await response.text()).startsWith(`${name}: `));
  }
  assert.equal((await fetch(`http://127.0.0.1:${extension.port}/`)).status, 404);
});

test('save_to_file has the profile of the whole life', async () => {
  const file = join(directory, 'cpu.pprof');
  const { extension } = await start({ save_to_file: file });
  burnCpu(100);
  await extension.shutdown();
  assert.ok(read(readFileSync(file)).stacks.flat().includes('burnCpu'));
  await extension.shutdown();
});

test('with an empty endpoint nothing is served; shutdown is safe before start', async () => {
  const settings = testSettings({ id: 'pprof', kind: 'extension', signals: [] });
  const silent = new Pprof(settings, readYaml(config, 'endpoint: ""'));
  await silent.start(new NopHost());
  assert.equal(silent.port, 0);
  assert.deepEqual(settings.logger.messages('warn'), ['endpoint is empty: no profiles are served']);
  await silent.shutdown();
  await new Pprof(settings, config.absent()).shutdown();
});
