import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './config/nearest.ts';
import { chooseFeatureGates, FEATURE_GATES } from './feature-gates.ts';

function enabled(args: readonly string[], id: string): boolean | undefined {
  const chosen = chooseFeatureGates(args, true);
  assert.ok('gates' in chosen);
  return chosen.gates.find((gate) => gate.id === id)?.enabled;
}

test('gates are switched by id with + and -, the last one wins', () => {
  const id = 'service.profilesSupport';
  assert.equal(enabled([], id), false);
  assert.equal(enabled([id], id), true);
  assert.equal(enabled([`+${id},-${id}`], id), false);
  assert.equal(enabled([`-${id}`, id], id), true);
  assert.equal(enabled(['-ottl.PanicDuplicateName'], 'ottl.PanicDuplicateName'), false);
  assert.equal(FEATURE_GATES.find((gate) => gate.id === id)?.enabled, false, 'the table itself stays');
});

test('an unknown gate is refused with the nearest and all valid ids', () => {
  const chosen = chooseFeatureGates(['service.profileSupport'], false);
  assert.ok('error' in chosen);
  assert.match(
    chosen.error,
    /^invalid argument "service.profileSupport" for "--feature-gates" flag: no such feature gate/,
  );
  assert.match(
    chosen.error,
    /did you mean "service.profilesSupport"\?.*valid gates: \[confmap.enableMergeAppendOption /,
  );
});

test('a retired gate is a warning, and an error when strict', () => {
  const id = 'telemetry.useOtelForInternalMetrics';
  const lenient = chooseFeatureGates([id], false);
  assert.ok('warnings' in lenient);
  assert.deepEqual(lenient.warnings, [`feature gate "${id}" was retired and has no effect`]);
  assert.ok('error' in chooseFeatureGates([id], true));
});

test('nearest finds slips, not other words', () => {
  const known = ['timeout', 'send_batch_size', 'send_batch_max_size', 'metadata_keys'];
  assert.equal(nearest('timout', known), 'timeout');
  assert.equal(nearest('itmeout', known), 'timeout');
  assert.equal(nearest('sendBatchSize', known), 'send_batch_size');
  assert.equal(nearest('metadata-keys', known), 'metadata_keys');
  assert.equal(nearest('compression', known), undefined);
  assert.equal(nearest('metadata', known), 'metadata_keys');
  assert.equal(nearest('', known), undefined);
});
