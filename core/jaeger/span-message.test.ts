import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Telemetry } from '../telemetry/telemetry.ts';
import { comparable, recordedTranslations } from '../testing/translations.ts';
import { fromJson, fromProto, SpanMessages, toJson } from './span-message.ts';

const recorded = recordedTranslations(new URL('./testdata/reference.json', import.meta.url));
const bytes = (base64: string) => Buffer.from(base64, 'base64');

/** A list with nothing in it is none. */
const parse = (json: Buffer) =>
  JSON.parse(json.toString(), (_, value) => (Array.isArray(value) && value.length === 0 ? undefined : value));

test('spans become the messages that the collector makes of them', () => {
  const messages = new SpanMessages();
  let seen = 0;
  for (const { kind, input, output } of recorded) {
    if (kind !== 'jaeger_proto' && kind !== 'jaeger_json') continue;
    const made = messages.encode(Telemetry.of('traces', bytes(input), 0));
    assert.deepEqual(
      made.map(({ traceId }) => traceId),
      output.map(({ key }: { key: string }) => key),
    );
    for (const [i, { value }] of output.entries()) {
      const message = made[i]?.bytes as Buffer;
      if (kind === 'jaeger_proto') assert.equal(message.toString('base64'), value);
      else assert.deepEqual(parse(toJson(message)), parse(bytes(value)));
      seen++;
    }
  }
  assert.ok(seen > 30);
});

test('messages become the spans that the collector makes of them', () => {
  let seen = 0;
  for (const { kind, input, output, error } of recorded) {
    const decode = { 'from jaeger_proto': fromProto, 'from jaeger_json': fromJson }[kind];
    if (decode === undefined) continue;
    seen++;
    const what = `${kind} ${bytes(input)}`;
    if (error?.startsWith('unknown field')) assert.equal(decode(bytes(input)).length, 0, what);
    else if (error !== undefined) assert.throws(() => decode(bytes(input)), what);
    else assert.deepEqual(comparable(decode(bytes(input))), comparable(bytes(output)), what);
  }
  assert.ok(seen > 50);
});
