import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Component, Host } from '../core/component.ts';
import { struct } from '../core/config/struct.ts';
import { defineExporter, defineExtension, defineReceiver, type Factory } from '../core/factory.ts';
import { testSettings } from '../core/testing/settings.ts';
import type { ConfiguredComponent, ServiceConfig } from './config/types.ts';
import { Service } from './service.ts';

const at = { source: 'test', line: 1, column: 1 };
const base = { description: 'test', config: struct('test.Config', 'Test.', {}), surface: {} };

/** A service of one receiver, exporter and extension that write down what happens to them. */
function recorded(events: string[], failing?: string) {
  const hosts = new Map<string, Host>();
  const part = (id: string): Component => ({
    start(host) {
      events.push(`start ${id}`);
      hosts.set(id, host);
      if (id === failing) throw new Error('listen tcp 127.0.0.1:1: bind: address already in use');
    },
    shutdown() {
      events.push(`stop ${id}`);
      if (failing === `stop ${id}`) throw new Error('stuck');
    },
  });
  const component = (kind: ConfiguredComponent['kind'], id: string, factory: Factory): ConfiguredComponent => {
    return { kind, id, name: '', factory, config: {}, at };
  };
  const receiver = defineReceiver({ ...base, type: 'r', signals: { traces: 'stable' }, create: () => part('r') });
  const exporter = defineExporter({
    ...base,
    type: 'e',
    signals: { traces: 'stable' },
    create: () => ({ ...part('e'), consume() {} }),
  });
  const extension = defineExtension({ ...base, type: 'x', stability: 'stable', create: () => part('x') });
  const [r, e, x] = [
    component('receiver', 'r', receiver),
    component('exporter', 'e', exporter),
    component('extension', 'x/1', extension),
  ];
  const pipeline = { id: 'traces', signal: 'traces', name: '', receivers: [r], processors: [], exporters: [e], at };
  const config = {
    components: [r, e, x],
    pipelines: [pipeline],
    extensions: [x],
    featureGates: [],
    warnings: [],
    telemetry: { resource: {} },
  };
  const fatal: Error[] = [];
  const { clock, random, build, logger, meter } = testSettings();
  const env = { clock, random, build, logger, meter, onFatal: (error: Error) => void fatal.push(error) };
  return { service: new Service(config as unknown as ServiceConfig, env), hosts, fatal };
}

test('extensions and exporters start first and receivers last; stopping goes the other way', async () => {
  const events: string[] = [];
  const { service, hosts } = recorded(events);
  const ready: boolean[] = [];
  service.status.onReady((is) => ready.push(is));
  await service.start();
  assert.deepEqual(events.splice(0), ['start x', 'start e', 'start r']);
  assert.ok(hosts.get('r')?.extension('x/1'));
  assert.equal(hosts.get('r')?.extension('x'), undefined);
  await service.shutdown();
  await service.shutdown();
  assert.deepEqual(events, ['stop r', 'stop e', 'stop x']);
  assert.deepEqual(ready, [true, false, false]);
});

test('when a component cannot start, the error names it and the others are stopped again', async () => {
  const events: string[] = [];
  const { service } = recorded(events, 'r');
  const message =
    'test:1:1: cannot start pipelines: failed to start "r" receiver: listen tcp 127.0.0.1:1: bind: address already in use';
  await assert.rejects(service.start(), { message });
  assert.deepEqual(events, ['start x', 'start e', 'start r', 'stop r', 'stop e', 'stop x']);
});

test('a component that fails to stop does not keep the others from stopping', async () => {
  const events: string[] = [];
  const { service } = recorded(events, 'stop r');
  const statuses: string[] = [];
  await service.start();
  service.status.onStatus(({ id, status }) => statuses.push(`${id} ${status}`));
  await service.shutdown();
  assert.deepEqual(events.slice(3), ['stop r', 'stop e', 'stop x']);
  assert.ok(statuses.includes('r StatusPermanentError'));
  assert.ok(statuses.includes('e StatusStopped'));
});

test('a fatal status reaches the process', async () => {
  const { service, hosts, fatal } = recorded([]);
  await service.start();
  hosts.get('e')?.reportStatus('StatusRecoverableError', new Error('down'));
  assert.equal(fatal.length, 0);
  hosts.get('e')?.reportStatus('StatusFatalError', new Error('disk gone'));
  assert.equal(fatal[0]?.message, 'disk gone');
  await service.shutdown();
});
