import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNALS } from '../signal.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { looseRequest, randomRequest, randomTree } from '../testing/random-telemetry.ts';
import { decodeTree, encodeTree } from './tree.ts';

const SEEDS = 60;

for (const signal of SIGNALS) {
  test(`${signal}: what is encoded decodes to the same tree, and encodes to the same bytes again`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const request = randomRequest(signal, seed);
      const tree = decodeTree(signal, Telemetry.of(signal, request, 0));
      assert.deepEqual(tree, randomTree(signal, seed), `seed ${seed}`);
      assert.deepEqual(encodeTree(signal, tree), request, `seed ${seed}`);
    }
  });

  test(`${signal}: field order, unknown fields and unpacked numbers make no difference`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const tree = decodeTree(signal, Telemetry.of(signal, looseRequest(signal, seed), 0));
      assert.deepEqual(tree, randomTree(signal, seed), `seed ${seed}`);
    }
  });

  test(`${signal}: the ranges of a batch decode as one`, () => {
    const [a, b] = [randomRequest(signal, 1), randomRequest(signal, 2)];
    const joined = Telemetry.join([Telemetry.of(signal, a, 0), Telemetry.of(signal, b, 0)]);
    const whole = Telemetry.of(signal, Buffer.concat([a, b]), 0);
    assert.deepEqual(decodeTree(signal, joined), decodeTree(signal, whole));
  });
}

test('a singular message in two parts is merged, of a oneof the last member stands', () => {
  // ResourceSpans {resource {attribute a}, resource {attribute b: string "x" then int 1}}
  const parts = [0x0a, 20, 0x0a, 5, 0x0a, 3, 0x0a, 1, 0x61, 0x0a, 11, 0x0a, 9, 0x0a, 1, 0x62];
  const request = Buffer.from([...parts, 0x12, 4, 0x0a, 0, 0x18, 1]);
  const [group] = decodeTree('traces', Telemetry.of('traces', request, 0)).resourceSpans;
  assert.deepEqual(
    group?.resource?.attributes.map((a) => [a.key, a.value?.stringValue, a.value?.intValue]),
    [
      ['a', undefined, undefined],
      ['b', undefined, 1n],
    ],
  );
});

test('scope groups under the number of old versions are read where there are no others', () => {
  const scope = [0x1a, 1, 0x73]; // schema_url "s"
  const old = Buffer.from([0x0a, 6, 0xc2, 0x3e, 3, ...scope]);
  const [group] = decodeTree('logs', Telemetry.of('logs', old, 0)).resourceLogs;
  assert.equal(group?.scopeLogs[0]?.schemaUrl, 's');
});
