import assert from 'node:assert/strict';
import type { Consumer } from '../../consumer.ts';
import { PipelineError } from '../../error.ts';
import type { Signal } from '../../signal.ts';
import { NopHost } from '../nop-host.ts';
import { SinkConsumer } from '../sink.ts';
import { create, type Instance, type Subject, signalsOf, trackedBatch } from './subject.ts';
import type { Rule } from './suite.ts';

const BATCHES = 5;

/** Parts of a pipeline that something goes into and comes out of. */
const passesOn = ({ factory }: Subject): boolean => factory.kind === 'processor' || factory.kind === 'connector';

const losesNothing: Rule = {
  name: 'all that went in is out after shutdown, unchanged at the source, and then there is silence',
  applies: passesOn,
  async check(subject) {
    for (const signal of signalsOf(subject.factory)) {
      await losesNothingOf(subject, signal);
    }
  },
};

async function losesNothingOf(subject: Subject, signal: Signal): Promise<void> {
  const { component, next, settings } = await started(subject);
  const sent = Array.from({ length: BATCHES }, (_, i) => trackedBatch(signal, i + 1));
  let items = 0;
  for (const { batch } of sent) {
    items += batch.items;
    await component.consume(batch);
  }
  await component.shutdown();
  if (subject.factory.kind === 'processor') assert.equal(next.items, items, signal);
  for (const { batch, bytes } of sent) {
    // the sink still holds what came out, so what went in may be read
    const [range] = batch.ranges;
    assert.ok(range!.buffer.subarray(range!.start, range!.end).equals(bytes), 'the input was changed');
  }
  const calls = next.calls;
  settings.clock.advance(3_600_000);
  assert.equal(next.calls, calls, 'something was emitted after shutdown');
  next.clear();
  if (subject.factory.releases)
    assert.ok(
      sent.every((tracked) => tracked.released()),
      `${signal}: memory is kept`,
    );
}

const passesRefusals: Rule = {
  name: 'a refusal of the next component reaches the sender, or is logged where the data was accepted before',
  applies: ({ factory }) => factory.kind === 'processor',
  async check(subject) {
    for (const permanent of [true, false]) {
      for (const asynchronous of [true, false]) await refuse(subject, permanent, asynchronous);
    }
  },
};

async function refuse(subject: Subject, permanent: boolean, asynchronous: boolean): Promise<void> {
  const sink = new SinkConsumer();
  sink.refuse = new PipelineError('refused by the test', { permanent });
  sink.async = asynchronous;
  const { component, settings } = await started(subject, sink);
  const tracked = trackedBatch(signalsOf(subject.factory)[0]!, 7);
  const error = await outcome(component, tracked.batch);
  await component.shutdown();
  if (error === undefined) {
    const logged = settings.logger.lines.some(({ fields, message }) =>
      JSON.stringify([message, fields]).includes('refused'),
    );
    assert.ok(logged || sink.calls === 0, 'the refusal is not logged');
  } else {
    assert.ok(error instanceof PipelineError, `${error}`);
    assert.equal(error.permanent, permanent);
  }
  if (permanent) assert.ok(sink.calls <= 1, 'what was refused for good was sent again');
  if (subject.factory.releases) assert.ok(tracked.released(), 'memory of a refused batch is kept');
}

const exporterReleases: Rule = {
  name: 'an exporter gives back every batch, whether it arrived or not',
  applies: ({ factory }) => factory.kind === 'exporter' && factory.releases === true,
  async check(subject) {
    for (const signal of signalsOf(subject.factory)) {
      const { component } = await started(subject);
      const sent = Array.from({ length: BATCHES }, (_, i) => trackedBatch(signal, i + 1));
      for (const { batch } of sent) await outcome(component, batch);
      await component.shutdown();
      assert.ok(
        sent.every((tracked) => tracked.released()),
        `${signal}: memory is kept`,
      );
    }
  },
};

const refusesAfterShutdown: Rule = {
  name: 'what comes after shutdown is refused or passed on, never swallowed',
  applies: passesOn,
  async check(subject) {
    const { component, next } = await started(subject);
    await component.shutdown();
    const { batch } = trackedBatch(signalsOf(subject.factory)[0]!, 3);
    const before = next.calls;
    const error = await outcome(component, batch);
    assert.ok(error !== undefined || next.calls > before, 'it was accepted and not passed on');
  },
};

export const flowRules: readonly Rule[] = [losesNothing, passesRefusals, exporterReleases, refusesAfterShutdown];

async function started(subject: Subject, next?: SinkConsumer): Promise<Instance & { component: Consumer }> {
  const instance = create(subject, next);
  await instance.component.start(new NopHost());
  return instance as Instance & { component: Consumer };
}

/** What the component refused with. */
async function outcome(consumer: Consumer, batch: Parameters<Consumer['consume']>[0]): Promise<unknown> {
  try {
    await consumer.consume(batch);
    return undefined;
  } catch (error) {
    return error;
  }
}
