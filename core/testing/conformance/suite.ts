import { test } from 'node:test';
import { configRules } from './config-rules.ts';
import { flowRules } from './flow-rules.ts';
import { lifeRules } from './life-rules.ts';
import type { Subject } from './subject.ts';

/** Something that holds for every component; `check` throws an AssertionError where it does not. */
export interface Rule {
  readonly name: string;
  applies(subject: Subject): boolean;
  check(subject: Subject): void | Promise<void>;
}

export const RULES: readonly Rule[] = [...configRules, ...lifeRules, ...flowRules];

/** Why a component may break a rule, by the rule's name. */
export type Exceptions = Readonly<Record<string, string>>;

/**
 * Registers one test for each rule that applies. Built-in components get them from test/conformance.test.ts; a plugin
 * calls this in a test of its own. An exception fails when the rule holds after all.
 */
export function conformance(label: string, subject: Subject, exceptions: Exceptions = {}): void {
  for (const rule of RULES) {
    if (!rule.applies(subject)) continue;
    test(`${label}: ${rule.name}`, async () => {
      if (exceptions[rule.name] === undefined) return rule.check(subject);
      const broken = await Promise.resolve()
        .then(() => rule.check(subject))
        .then(
          () => false,
          () => true,
        );
      if (!broken) throw new Error(`the exception is no longer needed: ${exceptions[rule.name]}`);
    });
  }
}
