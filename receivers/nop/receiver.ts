import type { Receiver } from '../../core/component.ts';

/** Receives nothing. */
export class NopReceiver implements Receiver {
  start(): void {}

  shutdown(): void {}
}
