import assert from 'node:assert/strict';
import { NopHost } from '../nop-host.ts';
import { create, type Instance } from './subject.ts';
import type { Rule } from './suite.ts';

/** Sockets that were closed go away a few turns of the event loop later. */
const HANDLE_PATIENCE_MS = 2000;
const HANDLE_POLL_MS = 10;
/** What the process itself holds, and what comes and goes with reading files. */
const OWN_HANDLES = new Set(['FSReqPromise', 'FSReqCallback', 'Immediate', 'PipeWrap', 'TTYWrap', 'Timeout']);

const neverStarted: Rule = {
  name: 'shutdown without start is safe',
  applies: () => true,
  async check(subject) {
    const { component, settings } = create(subject);
    await component.shutdown();
    await component.shutdown();
    assert.equal(settings.clock.pending, 0, 'timers are left');
  },
};

const leavesNothing: Rule = {
  name: 'after start and shutdown, twice, no timer, socket or file is left',
  applies: () => true,
  async check(subject) {
    const before = handles();
    const { component, settings } = create(subject);
    await component.start(new NopHost());
    await component.shutdown();
    await component.shutdown();
    assert.equal(settings.clock.pending, 0, 'timers are left');
    await gone(before);
  },
};

const twoInstances: Rule = {
  name: 'two instances do not disturb each other',
  applies: () => true,
  async check(subject) {
    const [first, second]: [Instance, Instance] = [create(subject), create(subject)];
    await first.component.start(new NopHost());
    await second.component.start(new NopHost());
    await first.component.shutdown();
    await second.component.shutdown();
    assert.equal(first.settings.clock.pending + second.settings.clock.pending, 0, 'timers are left');
  },
};

export const lifeRules: readonly Rule[] = [neverStarted, leavesNothing, twoInstances];

function handles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => !OWN_HANDLES.has(name))
    .sort();
}

async function gone(before: readonly string[]): Promise<void> {
  const end = performance.now() + HANDLE_PATIENCE_MS;
  while (handles().length > before.length && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, HANDLE_POLL_MS));
  }
  assert.ok(handles().length <= before.length, `left: ${handles()}, before: ${before}`);
}
