/** That the services start, keep what they should over a restart, and can be asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prometheus } from './prometheus.ts';
import { Redis, RedisCluster } from './redis.ts';

const second = () => new Promise((resolve) => setTimeout(resolve, 1000));

test('Prometheus scrapes what it is told, and starts again after a kill', async () => {
  await using prometheus = await Prometheus.start();
  assert.deepEqual(await prometheus.query('up'), []);
  await prometheus.service.stop('SIGKILL');
  await prometheus.service.restart();
  await prometheus.ready();
  const target = `scrape_configs: [{job_name: itself, static_configs: [{targets: ["${prometheus.service.address}"]}]}]`;
  await using other = await Prometheus.start(target);
  let up = await other.query('up');
  for (let i = 0; i < 20 && up.length === 0; i++) {
    await second();
    up = await other.query('up');
  }
  assert.deepEqual(up[0]?.metric, { __name__: 'up', job: 'itself', instance: prometheus.service.address });
});

test('Redis with a password keeps its data over a restart', async () => {
  await using redis = await Redis.start({ password: 'secret', appendOnly: true });
  assert.equal(redis.cli('set', 'a', '1'), 'OK');
  await redis.service.stop();
  await redis.service.restart();
  assert.equal(redis.cli('get', 'a'), '1');
});

test('a cluster of Redis has all slots', async () => {
  await using cluster = await RedisCluster.start();
  assert.equal(cluster.nodes.length, 3);
});
