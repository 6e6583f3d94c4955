import { systemClock } from '../clock.ts';
import { SectionDecoder, validateSection } from '../config/decoder.ts';
import type { Fault } from '../config/fault.ts';
import type { Schema } from '../config/schema.ts';
import { parseYaml } from '../config/yaml.ts';
import type { Discoverer, DiscoveryEnvironment, TargetGroup } from '../prometheus/discovery/target-group.ts';
import { TestLogger } from './settings.ts';

export interface TestDiscoveryEnvironment extends DiscoveryEnvironment {
  readonly logger: TestLogger;
}

/** An environment with real time and a log that can be read. */
export const discoveryEnvironment = (more: Partial<TestDiscoveryEnvironment> = {}): TestDiscoveryEnvironment => ({
  clock: systemClock,
  logger: new TestLogger(),
  random: () => 0,
  userAgent: 'weir-test/1',
  ...more,
});

/** Reads a section from YAML; `faults` has the messages. */
export function readYaml<T>(
  schema: Schema<T>,
  text: string,
): { readonly value: T; readonly faults: readonly string[] } {
  const parsed = parseYaml(text, 'test');
  if ('error' in parsed) throw new Error(parsed.error);
  const faults: Fault[] = [];
  const findings = { faults, warnings: [], strict: true };
  const value = schema.decode(parsed.node, new SectionDecoder(findings, ''));
  if (faults.length === 0) validateSection(schema, value, parsed.node, '', findings);
  return { value, faults: faults.map(({ message, hint }) => (hint === undefined ? message : `${message} (${hint})`)) };
}

/** The same where there must be no fault. */
export function configOf<T>(schema: Schema<T>, text: string): T {
  const { value, faults } = readYaml(schema, text);
  if (faults.length > 0) throw new Error(faults.join('; '));
  return value;
}

export type PlainTarget = Readonly<Record<string, string>>;

/** What a discoverer has found so far, as the scraper would have it. */
export class Found {
  readonly groups = new Map<string, TargetGroup>();
  updates = 0;
  #waiting: (() => void)[] = [];

  readonly update = (groups: readonly TargetGroup[]): void => {
    this.updates++;
    for (const group of groups) {
      if (group.targets.length === 0) this.groups.delete(group.source);
      else this.groups.set(group.source, group);
    }
    for (const wake of this.#waiting.splice(0)) wake();
  };

  /** The labels of each target, shared ones included, sorted by address. */
  get targets(): PlainTarget[] {
    const all = [...this.groups.values()].flatMap(({ targets, labels }) =>
      targets.map((own) => Object.fromEntries([...labels, ...own].sort(([a], [b]) => (a < b ? -1 : 1)))),
    );
    return all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  get addresses(): string[] {
    return this.targets.map((target) => target.__address__ ?? '').sort();
  }

  /** Resolves once `condition` holds; fails after ten seconds. */
  async until(condition: (found: Found) => boolean): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!condition(this)) {
      if (Date.now() > deadline) throw new Error(`not in time; found ${JSON.stringify(this.targets)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

/** Runs a discoverer while `use` looks at what it finds. */
export async function discovering<T>(discoverer: Discoverer, use: (found: Found) => Promise<T>): Promise<T> {
  const found = new Found();
  try {
    void discoverer.run(found.update);
    return await use(found);
  } finally {
    await discoverer.close();
  }
}
