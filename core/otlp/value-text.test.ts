import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyValue } from './tree.ts';
import { idText, severityName, valueText, valueTypeName } from './value-text.ts';

test('values as text', () => {
  const list: AnyValue = { arrayValue: { values: [{ stringValue: '<"' }, { intValue: 1n }, {}, { boolValue: true }] } };
  const map: AnyValue = {
    kvlistValue: {
      values: [
        { key: 'z', value: { doubleValue: 1.5 } },
        { key: 'ä', value: undefined },
        { key: 'a', value: list },
        { key: 'z', value: { bytesValue: Buffer.from([1, 2]) } },
      ],
    },
  };
  const cases: [AnyValue | undefined, string, string][] = [
    [undefined, 'Empty', ''],
    [{}, 'Empty', ''],
    [{ stringValue: 'a "b"' }, 'Str', 'a "b"'],
    [{ boolValue: false }, 'Bool', 'false'],
    [{ intValue: -(2n ** 63n) }, 'Int', '-9223372036854775808'],
    [{ doubleValue: 0.1 }, 'Double', '0.1'],
    [{ bytesValue: Buffer.from([255]) }, 'Bytes', '/w=='],
    [list, 'Slice', '["<\\"",1,null,true]'],
    [{ doubleValue: Number.NEGATIVE_INFINITY }, 'Double', '-Infinity'],
    [{ doubleValue: 1e-7 }, 'Double', '1e-7'],
    [{ arrayValue: { values: [{ doubleValue: Number.NaN }] } }, 'Slice', ''],
    [{ arrayValue: { values: [{ stringValue: '\u2028<\u0001' }] } }, 'Slice', '["\\u2028<\\u0001"]'],
    [map, 'Map', '{"a":["<\\"",1,null,true],"z":"AQI=","ä":null}'],
  ];
  for (const [value, type, text] of cases) {
    assert.equal(valueTypeName(value), type);
    assert.equal(valueText(value), text);
  }
});

test('ids and severities', () => {
  assert.equal(idText(Buffer.alloc(8)), '');
  assert.equal(idText(Buffer.from('0a0b', 'hex')), '0a0b');
  assert.deepEqual([0, 1, 9, 12, 24, 25].map(severityName), ['Unspecified', 'Trace', 'Info', 'Info4', 'Fatal4', '']);
});
