import { type Infer, list, mapOf, struct } from '../../config/fields.ts';
import { text } from '../fields.ts';
import type { Discoverer, TargetGroup } from './target-group.ts';

export const staticConfig = struct(
  'targetgroup.Group',
  'A group of targets.',
  {
    targets: list('The targets, each as host:port.', text('A target.')),
    labels: mapOf('Labels of all of them.', text('A value.')),
  },
  {
    validate(value, path, report) {
      if ('' in value.labels) report(path, '"" is not a valid label name');
    },
  },
);
export type StaticConfig = Infer<typeof staticConfig>;

function staticGroups(configs: readonly StaticConfig[]): readonly TargetGroup[] {
  return configs.map(({ targets, labels }, i) => ({
    source: String(i),
    targets: targets.map((address) => new Map([['__address__', address]])),
    labels: new Map(Object.entries(labels).filter(([, value]) => value !== '')),
  }));
}

/** The targets that stand in the configuration. */
export class StaticDiscoverer implements Discoverer {
  readonly #groups: readonly TargetGroup[];

  constructor(configs: readonly StaticConfig[]) {
    this.#groups = staticGroups(configs);
  }

  run(update: (groups: readonly TargetGroup[]) => void): void {
    update(this.#groups);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
