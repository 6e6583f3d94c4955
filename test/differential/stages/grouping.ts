import type { Stage } from '../stage.ts';
import { KEYS, RESOURCE_KEYS } from '../vocabulary.ts';

const SIGNALS = ['traces', 'metrics', 'logs'] as const;

export const groupbyattrs: Stage = {
  name: 'groupbyattrs',
  pipeline: (random) => ({
    signal: random.pick(SIGNALS),
    kind: 'processor',
    type: 'groupbyattrs',
    config: { keys: random.some([...KEYS, ...RESOURCE_KEYS], 0, 3) },
  }),
  compare: { groups: 'keep' },
};

/** All traces are held until the end, or released by a timer before it. */
export const groupbytrace: Stage = {
  name: 'groupbytrace',
  pipeline: (random) => ({
    signal: 'traces',
    kind: 'processor',
    type: 'groupbytrace',
    config: { wait_duration: '300ms', ...random.maybe(0.5, 'num_workers', () => 1 + random.below(3)) },
  }),
  settleMs: 1500,
};
