import { EventClock } from '../stream/event-clock.ts';
import type { Partition } from '../stream/partition-runner.ts';
import { EMPTY_CONTEXT } from '../telemetry/context.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { FakeClock } from './fake-clock.ts';
import { TestLogger } from './settings.ts';

/** What the state of a partition has at hand, where a test is its runner. */
export class TestPartition implements Partition {
  readonly name = 'test';
  readonly clock: EventClock;
  readonly logger = new TestLogger();
  readonly context = EMPTY_CONTEXT;
  readonly emitted: Telemetry[] = [];

  constructor(outOfOrderness = 0) {
    this.clock = new EventClock({ outOfOrderness, idleTimeout: 0, clock: new FakeClock() });
  }

  emit(batch: Telemetry): void {
    this.emitted.push(batch);
  }
}
