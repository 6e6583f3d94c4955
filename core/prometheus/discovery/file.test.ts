import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { configOf, discovering, discoveryEnvironment, readYaml } from '../../testing/discovery.ts';
import { FileDiscoverer, fileSdConfig } from './file.ts';

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'weir-file-sd-'));
const groups = (...addresses: readonly string[]): string =>
  JSON.stringify(addresses.map((address) => ({ targets: [address], labels: { of: address } })));

test('JSON and YAML files are read, with the path as a label', async () => {
  const dir = await folder();
  await writeFile(join(dir, 'a.json'), groups('one:1', 'two:2'));
  await writeFile(
    join(dir, 'b.yml'),
    '- targets: [three:3, "four:4"]\n  labels: {shard: 007, __path__: "", on: yes}\n- targets:\n',
  );
  await writeFile(join(dir, 'c.txt'), 'nothing');
  const discoverer = new FileDiscoverer(
    configOf(fileSdConfig, `files: ["${dir}/*.json", "${dir}/*.yml"]`),
    discoveryEnvironment(),
  );
  await discovering(discoverer, async (found) => {
    await found.until(({ targets }) => targets.length === 4);
    assert.deepEqual(found.targets, [
      { __address__: 'four:4', __meta_filepath: join(dir, 'b.yml'), on: 'yes', shard: '007' },
      { __address__: 'one:1', __meta_filepath: join(dir, 'a.json'), of: 'one:1' },
      { __address__: 'three:3', __meta_filepath: join(dir, 'b.yml'), on: 'yes', shard: '007' },
      { __address__: 'two:2', __meta_filepath: join(dir, 'a.json'), of: 'two:2' },
    ]);
    assert.deepEqual([...found.groups.keys()], [`${dir}/a.json:0`, `${dir}/a.json:1`, `${dir}/b.yml:0`]);
  });
});

test('changes are seen at once: new content, new files, removed ones, files put in place of others', async () => {
  const dir = await folder();
  const file = join(dir, 'a.json');
  await writeFile(file, groups('one:1', 'two:2'));
  const discoverer = new FileDiscoverer(configOf(fileSdConfig, `files: ["${dir}/*.json"]`), discoveryEnvironment());
  await discovering(discoverer, async (found) => {
    await found.until(({ addresses }) => addresses.join() === 'one:1,two:2');
    await writeFile(file, groups('three:3'));
    await found.until(({ addresses }) => addresses.join() === 'three:3');
    await writeFile(join(dir, 'new'), groups('four:4'));
    await rename(join(dir, 'new'), join(dir, 'b.json'));
    await found.until(({ addresses }) => addresses.join() === 'four:4,three:3');
    await rm(file);
    await found.until(({ addresses }) => addresses.join() === 'four:4');
  });
});

test('a map of Kubernetes, which swaps a link to a folder, is followed', async () => {
  const dir = await folder();
  await mkdir(join(dir, 'v1'));
  await mkdir(join(dir, 'v2'));
  await writeFile(join(dir, 'v1', 't.json'), groups('one:1'));
  await writeFile(join(dir, 'v2', 't.json'), groups('two:2'));
  await symlink('v1', join(dir, '..data'));
  await symlink('..data/t.json', join(dir, 't.json'));
  const discoverer = new FileDiscoverer(configOf(fileSdConfig, `files: ["${dir}/t.json"]`), discoveryEnvironment());
  await discovering(discoverer, async (found) => {
    await found.until(({ addresses }) => addresses.join() === 'one:1');
    await symlink('v2', join(dir, '..tmp'));
    await rename(join(dir, '..tmp'), join(dir, '..data'));
    await found.until(({ addresses }) => addresses.join() === 'two:2');
  });
});

test('a broken file keeps what it said before, and says why once', async () => {
  const dir = await folder();
  const file = join(dir, 'a.json');
  await writeFile(file, groups('one:1'));
  const environment = discoveryEnvironment();
  const discoverer = new FileDiscoverer(
    configOf(fileSdConfig, `{files: ["${file}"], refresh_interval: 50ms}`),
    environment,
  );
  await discovering(discoverer, async (found) => {
    await found.until(({ addresses }) => addresses.length === 1);
    for (const broken of [
      '{',
      '[null]',
      '[{"targets": ["a"], "label": {}}]',
      '[{"targets": "a"}]',
      '[{"labels": {"a": 1}}]',
    ]) {
      environment.logger.lines.length = 0;
      // not in place: half a file is another fault
      await writeFile(join(dir, 'new'), broken);
      await rename(join(dir, 'new'), file);
      await found.until(() => environment.logger.messages('error').length > 0);
      await new Promise((resolve) => setTimeout(resolve, 150));
      assert.deepEqual(found.addresses, ['one:1'], broken);
      assert.equal(environment.logger.messages('error').length, 1, broken);
    }
    await writeFile(file, groups('two:2'));
    await found.until(({ addresses }) => addresses.join() === 'two:2');
    assert.ok(environment.logger.messages('info').includes('The file can be read again'));
  });
});

test('a folder that is not there yet is found with the next refresh', async () => {
  const dir = await folder();
  const discoverer = new FileDiscoverer(
    configOf(fileSdConfig, `{files: ["${dir}/later/*.json"], refresh_interval: 50ms}`),
    discoveryEnvironment(),
  );
  await discovering(discoverer, async (found) => {
    await mkdir(join(dir, 'later'));
    await writeFile(join(dir, 'later', 'a.json'), groups('one:1'));
    await found.until(({ addresses }) => addresses.length === 1);
  });
});

test('which paths are taken', () => {
  const faults = (name: string) => readYaml(fileSdConfig, `files: ["${name}"]`).faults;
  for (const good of ['a.json', '/x/*.yml', 'a*b.yaml', 'x/*.JSON']) assert.deepEqual(faults(good), [], good);
  for (const bad of ['a.txt', '*/a.json', 'a']) {
    assert.deepEqual(faults(bad), [`path name "${bad}" is not valid for file discovery`]);
  }
  assert.deepEqual(readYaml(fileSdConfig, '{}').faults, [
    'file service discovery config must contain at least one path name',
  ]);
});
