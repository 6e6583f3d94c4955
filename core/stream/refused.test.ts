import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PipelineError } from '../error.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { settle } from '../testing/fake-clock.ts';
import { SinkConsumer } from '../testing/sink.ts';
import { isReleased } from '../testing/spans.ts';
import { StateReader, StateWriter } from './codec.ts';
import { Refused } from './refused.ts';

const batch = (name: string) => Telemetry.of('metrics', Buffer.from(name), 1);
const namesOf = ({ batches }: SinkConsumer) => batches.map((one) => one.bytes().toString());

function setUp() {
  const sinks = { a: new SinkConsumer(), b: new SinkConsumer() };
  return { ...sinks, refused: new Refused(new Map(Object.entries(sinks))) };
}

test('who accepted a batch does not get it again, who refused it for now does', async () => {
  const { a, b, refused } = setUp();
  const one = batch('1');
  b.refuse = new PipelineError('full');
  assert.match((await refused.handOn(one, true))?.message ?? '', /full/);
  assert.equal(refused.isEmpty, false);
  b.refuse = undefined;
  assert.equal(await refused.handOn(batch('2'), true), undefined);
  assert.deepEqual(
    [namesOf(a), namesOf(b)],
    [
      ['1', '2'],
      ['1', '2'],
    ],
  );
  assert.equal(refused.isEmpty, true);
  for (const sink of [a, b]) sink.clear();
  assert.equal(isReleased(one), true);
});

test('what was refused for good, or is not to be kept, is gone; all errors are told', async () => {
  const { a, b, refused } = setUp();
  a.refuse = new PipelineError('never', { permanent: true });
  b.refuse = new PipelineError('now');
  const one = batch('1');
  assert.match((await refused.handOn(one, false))?.message ?? '', /never.*now/);
  assert.equal(refused.isEmpty, true);
  assert.equal(isReleased(one), true);
  const two = batch('2');
  await refused.handOn(two, true);
  b.refuse = undefined;
  await refused.handOn(undefined, true);
  assert.deepEqual([namesOf(a), namesOf(b)], [[], ['2']]);
});

test('what waits, or is under way, is given up', async () => {
  const { a, refused } = setUp();
  const one = batch('1');
  const open = a.hold();
  a.refuse = new PipelineError('full');
  const done = refused.handOn(one, true);
  refused.drop();
  assert.equal(isReleased(one), false);
  open();
  await done;
  assert.equal(refused.isEmpty, true);
});

test('what waits is written and read again, for pipelines that are still there', async () => {
  const { a, b, refused } = setUp();
  a.refuse = b.refuse = new PipelineError('full');
  await refused.handOn(batch('1'), true);
  assert.equal(refused.isChanged, true);
  const to = new StateWriter();
  refused.encode(to);
  assert.equal(refused.isChanged, false);

  const only = new SinkConsumer();
  const again = new Refused(new Map([['b', only]]));
  const make = (bytes: Buffer, items: number) => Telemetry.of('metrics', bytes, items);
  assert.deepEqual(again.restore(new StateReader(to.finish()), make), ['a']);
  assert.equal(again.isChanged, false);
  await again.handOn(undefined, true);
  await settle();
  assert.deepEqual([namesOf(only), only.items], [['1'], 1]);
  assert.equal(again.isChanged, true, 'it is gone');
});
