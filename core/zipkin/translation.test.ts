import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparable, recordedTranslations } from '../testing/translations.ts';
import { fromOtlp } from './from-otlp.ts';
import { readJson, writeJson } from './json.ts';
import { readProto, writeProto } from './protobuf.ts';
import { thriftToOtlp } from './thrift.ts';
import { toOtlp } from './to-otlp.ts';

const recorded = recordedTranslations(new URL('./testdata/reference.json', import.meta.url));
const bytes = (base64: string) => Buffer.from(base64, 'base64');
const byText = (list: object[]) => [...list].sort((a, b) => (inspect(a) < inspect(b) ? -1 : 1));
const inspect = (value: unknown) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? String(one) : one));

/** The collector's sort leaves open in which order spans of a scope come. */
function unordered(request: Buffer) {
  const groups = comparable(request).map(({ resource, scopes }) => ({
    resource,
    scopes: byText(scopes.map(({ scope, spans }) => ({ scope, spans: byText(spans) }))),
  }));
  return byText(groups);
}

test('spans become what the collector makes of them', () => {
  let seen = 0;
  for (const { kind, input, output, error } of recorded) {
    const write = { zipkin_json: writeJson, zipkin_proto: writeProto }[kind];
    if (write === undefined) continue;
    seen++;
    const request = bytes(input);
    const made = () => write(fromOtlp({ ranges: [{ buffer: request, start: 0, end: request.length }] }));
    if (error !== undefined) assert.throws(made, `${kind} ${request}`);
    else if (kind === 'zipkin_json') assert.deepEqual(JSON.parse(made().toString()), JSON.parse(String(bytes(output))));
    else assert.deepEqual(readProto(made()), readProto(bytes(output)));
  }
  assert.ok(seen > 20);
});

const READ: Readonly<Record<string, (value: Buffer) => Buffer>> = {
  'from zipkin_json': (value) => toOtlp(readJson(value)),
  'from zipkin_proto': (value) => toOtlp(readProto(value)),
  'from zipkin_thrift': thriftToOtlp,
};

test('what the collector reads is read as it does', () => {
  let seen = 0;
  for (const { kind, input, output, error } of recorded) {
    const read = READ[kind];
    if (read === undefined) continue;
    seen++;
    const what = `${kind} ${bytes(input)}`;
    if (error !== undefined) assert.throws(() => read(bytes(input)), what);
    else assert.deepEqual(unordered(read(bytes(input))), unordered(bytes(output)), what);
  }
  assert.ok(seen > 50);
});
