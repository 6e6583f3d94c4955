import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../config/read.ts';
import { LabelsBuilder } from './labels.ts';
import { compileRelabeling } from './relabel.ts';
import { relabelConfig } from './relabel-config.ts';

const LABELS = { a: 'foo', b: 'bar', c: 'baz', d: 'foo' };

/** The labels after the rules; undefined where they are dropped. */
function relabeled(...rules: string[]): Record<string, string> | undefined {
  const apply = compileRelabeling(
    rules.map((rule) => readYaml(relabelConfig, rule)),
    'utf8',
  );
  const builder = new LabelsBuilder(Object.entries(LABELS));
  return apply(builder) ? Object.fromEntries(builder.labels()) : undefined;
}

test('replace joins values and fills in groups', () => {
  const rule = `{source_labels: [a, b], regex: "f(.*);(?P<second>.*)r", target_label: d, replacement: "ch\${1}-$second"}`;
  assert.deepEqual(relabeled(rule), { ...LABELS, d: 'choo-ba' });
  assert.deepEqual(relabeled('{source_labels: [a], regex: fo, target_label: d, replacement: x}'), LABELS);
  assert.deepEqual(relabeled('{source_labels: [a], regex: "f(.*)", target_label: "new_$1", replacement: "$$"}'), {
    ...LABELS,
    new_oo: '$',
  });
});

test('replace with nothing deletes, and sets what does not depend on a value', () => {
  const { d: _, ...rest } = LABELS;
  assert.deepEqual(relabeled('{source_labels: [a], target_label: d, replacement: "$9"}'), rest);
  assert.deepEqual(relabeled('{target_label: e, replacement: fixed}'), { ...LABELS, e: 'fixed' });
});

test('keep and drop look at the whole text', () => {
  assert.equal(relabeled('{source_labels: [a], regex: fo, action: keep}'), undefined);
  assert.deepEqual(relabeled('{source_labels: [a], regex: "f.*", action: keep}'), LABELS);
  assert.equal(relabeled('{source_labels: [a, b], regex: "foo;bar", action: drop}'), undefined);
  assert.equal(relabeled('{source_labels: [a], target_label: d, action: dropequal}'), undefined);
  assert.equal(relabeled('{source_labels: [a], target_label: b, action: keepequal}'), undefined);
});

test('names are mapped, dropped and kept', () => {
  assert.deepEqual(relabeled('{regex: "(b|c)", replacement: "x_$1", action: labelmap}'), {
    ...LABELS,
    x_b: 'bar',
    x_c: 'baz',
  });
  assert.deepEqual(relabeled('{regex: "b|c", action: labeldrop}'), { a: 'foo', d: 'foo' });
  assert.deepEqual(relabeled('{regex: "b|c", action: labelkeep}'), { b: 'bar', c: 'baz' });
});

test('hashes and cases', () => {
  // as Prometheus, whose tests have this value
  assert.deepEqual(relabeled('{source_labels: [c], target_label: d, modulus: 1000, action: hashmod}'), {
    ...LABELS,
    d: '976',
  });
  assert.deepEqual(relabeled('{source_labels: [a], target_label: u, action: uppercase}'), { ...LABELS, u: 'FOO' });
});

test('rules that cannot be are refused', () => {
  for (const [rule, message] of [
    ['{action: nope}', /unknown relabel action "nope"/],
    ['{regex: "("}', /missing closing \)/],
  ] as const) {
    assert.throws(() => readYaml(relabelConfig, rule), message);
  }
});
