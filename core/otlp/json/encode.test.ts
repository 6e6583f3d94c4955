import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { SIGNALS, type Signal } from '../../signal.ts';
import type { ByteRange } from '../../telemetry/telemetry.ts';
import { looseRequest, randomRequest } from '../../testing/random-telemetry.ts';
import { EXPORT_REQUEST, type FieldSchema, type MessageSchema } from '../schema.ts';
import { decodeJson } from './decode.ts';
import { encodeJson } from './encode.ts';

const SEEDS = 60;

function print(signal: Signal, ...buffers: readonly Buffer[]): string {
  const ranges: ByteRange[] = buffers.map((buffer) => ({ buffer, start: 0, end: buffer.length }));
  return encodeJson({ signal, ranges }).toString();
}

const ROOT = new protobuf.Root();

/** The schema for protobufjs, whose reading and writing of bytes is independent of ours. */
function protobufType(schema: MessageSchema, root: protobuf.Root): protobuf.Type {
  const name = schema.name.replace('.', '_');
  const known = root.get(name);
  if (known instanceof protobuf.Type) return known;
  const type = new protobuf.Type(name);
  root.add(type);
  for (const field of schema.fields) {
    if (field.message !== undefined) protobufType(field.message, root);
    const rule = field.repeated ? 'repeated' : undefined;
    type.add(new protobuf.Field(field.jsonName, field.number, protobufKind(field), rule));
  }
  return type;
}

function protobufKind({ kind, message }: FieldSchema): string {
  if (message !== undefined) return message.name.replace('.', '_');
  if (kind === 'enum') return 'int32';
  return kind === 'traceId' || kind === 'spanId' ? 'bytes' : kind;
}

/** Only what is set, 64-bit integers as strings, bytes as base64. */
function toObject(signal: Signal, bytes: Buffer): unknown {
  const type = protobufType(EXPORT_REQUEST[signal], ROOT);
  return clean(type.toObject(type.decode(bytes), { longs: String, bytes: String, json: true }));
}

/** Without zero values and empty messages, which are the same as absent ones except in lists and oneofs. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, clean(inner)] as const);
  return Object.fromEntries(
    entries.filter(([key, inner]) => /Value$|^as|^sum$|^m(in|ax)$/.test(key) || !isEmpty(inner)),
  );
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === 0 || value === '0' || value === '' || value === false || /^A+=*$/.test(String(value));
}

for (const signal of SIGNALS) {
  test(`${signal}: protobufjs finds the same in bytes that went through JSON and back`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const bytes = randomRequest(signal, seed);
      const again = decodeJson(signal, Buffer.from(print(signal, bytes))).bytes;
      assert.deepEqual(toObject(signal, again), toObject(signal, bytes), `seed ${seed}`);
    }
  });

  test(`${signal}: what is printed is JSON and does not depend on the order of fields`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const text = print(signal, randomRequest(signal, seed));
      assert.doesNotThrow(() => JSON.parse(text), `seed ${seed}`);
      assert.equal(print(signal, looseRequest(signal, seed)), text, `seed ${seed}`);
    }
  });

  test(`${signal}: ranges print as one list`, () => {
    const [a, b] = [randomRequest(signal, 1), randomRequest(signal, 2)];
    assert.equal(print(signal, a, b), print(signal, Buffer.concat([a, b])));
    assert.equal(print(signal), '{}');
    assert.equal(print(signal, Buffer.alloc(0), a), print(signal, a));
  });
}

test('a message in parts is merged, of a oneof the last one counts, old scope groups stand in for new ones', () => {
  // resource {attribute a}, resource {attribute b: bool, then int 1}, scope_logs of old versions {schema_url "s"}
  const parts = [0x0a, 5, 0x0a, 3, 0x0a, 1, 0x61, 0x0a, 11, 0x0a, 9, 0x0a, 1, 0x62, 0x12, 4, 0x10, 1, 0x18, 1];
  const group = [...parts, 0xc2, 0x3e, 3, 0x1a, 1, 0x73];
  const attributes = '{"key":"a","value":{}},{"key":"b","value":{"intValue":"1"}}';
  const resource = `"resource":{"attributes":[${attributes}]}`;
  const scopes = '"scopeLogs":[{"scope":{},"schemaUrl":"s"}]';
  assert.equal(
    print('logs', Buffer.from([0x0a, group.length, ...group])),
    `{"resourceLogs":[{${resource},${scopes}}]}`,
  );
});

test('text is written as it is, but for what JSON has to escape', () => {
  const name = Buffer.from('<>&/\u2028é🙂\u007f"\\\n\r\t\b\f\u0000\u001f');
  const broken = Buffer.concat([name, Buffer.from([0xff, 0xc3, 0x28])]);
  // Resource group {schema_url}
  const bytes = Buffer.concat([Buffer.from([0x0a, broken.length + 2, 0x1a, broken.length]), broken]);
  const escaped = `<>&/\u2028é🙂\u007f${String.raw`\"\\\n\r\t\u0008\u000c\u0000\u001f`}`;
  const text = encodeJson({ signal: 'logs', ranges: [{ buffer: bytes, start: 0, end: bytes.length }] });
  const before = Buffer.from(`{"resourceLogs":[{"resource":{},"schemaUrl":"${escaped}`);
  assert.deepEqual(text, Buffer.concat([before, broken.subarray(-3), Buffer.from('"}]}')]));
});

test('doubles are spelled as Go spells them', () => {
  const spelled: [number, string][] = [
    [0, '0'],
    [-0, '-0'],
    [100, '100'],
    [0.1, '0.1'],
    [-12.625, '-12.625'],
    [999_999_999.5, '999999999.5'],
    [0.0001, '0.0001'],
    [1.0005, '1.0005'],
    [2 ** 53, '9007199254740992'],
    [1e20, '100000000000000000000'],
    [1e21, '1e+21'],
    [1.5e300, '1.5e+300'],
    [0.000001, '0.000001'],
    [1e-7, '1e-07'],
    [-1.25e-9, '-1.25e-09'],
    [5e-324, '5e-324'],
    [Number.NaN, '"NaN"'],
    [Number.POSITIVE_INFINITY, '"Infinity"'],
    [Number.NEGATIVE_INFINITY, '"-Infinity"'],
  ];
  for (const [value, text] of spelled) {
    const double = Buffer.alloc(8);
    double.writeDoubleLE(value);
    // ResourceLogs {resource {attribute {value {double}}}}
    const bytes = Buffer.concat([Buffer.from([0x0a, 15, 0x0a, 13, 0x0a, 11, 0x12, 9, 0x21]), double]);
    assert.match(print('logs', bytes), new RegExp(`"doubleValue":${text.replace(/[+.]/g, '\\$&')}\\}`));
  }
});

test('64-bit integers keep every digit', () => {
  const values = [0n, 1n, 999_999_999n, 10n ** 9n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 10n ** 18n, 10n ** 19n];
  for (const value of [...values, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 1_700_000_000_000_000_001n]) {
    const time = Buffer.alloc(8);
    time.writeBigUInt64LE(value);
    // ResourceLogs {scope_logs {log_record {time}}}
    const bytes = Buffer.concat([Buffer.from([0x0a, 13, 0x12, 11, 0x12, 9, 0x09]), time]);
    const text = print('logs', bytes);
    assert.equal(/"timeUnixNano":"(\d+)"/.exec(text)?.[1] ?? '0', String(value));
    assert.deepEqual(print('logs', decodeJson('logs', Buffer.from(text)).bytes), text);
  }
});

test('malformed bytes, which the door refuses, are an error or garbage here, and no more', () => {
  for (let seed = 0; seed < 200; seed++) {
    const bytes = randomRequest('traces', seed % 20);
    for (let i = 0; i < 5; i++) bytes[(seed * 7919 + i * 104_729) % bytes.length] = 0xff;
    try {
      print('traces', bytes);
    } catch (error) {
      assert.ok(error instanceof Error);
    }
  }
});
