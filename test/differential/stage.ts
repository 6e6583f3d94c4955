import type { Signal } from '../../core/signal.ts';
import type { Compare } from '../golden/normalise.ts';
import type { Random } from './random.ts';
import { randomRequest } from './telemetry.ts';

/** A configuration as plain values; strings may hold `$`. */
export type ConfigValue =
  | string
  | number
  | boolean
  | null
  | readonly ConfigValue[]
  | { readonly [key: string]: ConfigValue };
export type ConfigMap = { readonly [key: string]: ConfigValue };

/** One random pipeline: a signal goes through one component, what comes out is compared. */
export interface Pipeline {
  readonly signal: Signal;
  readonly kind: 'processor' | 'connector' | 'exporter';
  readonly type: string;
  readonly config: ConfigMap;
}

/** How a component is tested. */
export interface Stage {
  readonly name: string;
  readonly pipeline: (random: Random) => Pipeline;
  readonly request?: (signal: Signal, random: Random) => Buffer;
  readonly compare?: Compare;
  /** The least time between the last request and the end, for what happens on a timer. */
  readonly settleMs?: number;
}

export function requestOf(stage: Stage, signal: Signal, random: Random): Buffer {
  return (stage.request ?? randomRequest)(signal, random);
}
