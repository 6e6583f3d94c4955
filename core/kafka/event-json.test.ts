import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueText } from '../otlp/value-text.ts';
import { decodeEvent, encodeEvent } from './event-json.ts';

const EVENT = {
  eventType: 'llm.request.start',
  timestamp: 1_700_000_000_123,
  userId: 'user-1',
  sessionId: 'session-1',
  traceId: '0102030405060708090a0b0c0d0e0f10',
  properties: { model: 'large', tools: ['search', null], ok: true },
  tokens: 12,
  cost: 0.25,
};

const decode = (event: unknown, observed = 5) => decodeEvent(Buffer.from(JSON.stringify(event)), observed);

test('what the gateway sends becomes a log record', () => {
  const record = decode(EVENT);
  assert.equal(record.eventName, 'llm.request.start');
  assert.equal(record.timeUnixNano, 1_700_000_000_123_000_000n);
  assert.equal(record.observedTimeUnixNano, 5_000_000n);
  assert.equal(record.traceId.toString('hex'), EVENT.traceId);
  assert.equal(record.body?.stringValue, JSON.stringify(EVENT));
  const attributes = Object.fromEntries(record.attributes.map(({ key, value }) => [key, valueText(value)]));
  assert.deepEqual(attributes, {
    userId: 'user-1',
    sessionId: 'session-1',
    traceId: EVENT.traceId,
    properties: '{"model":"large","ok":true,"tools":["search",null]}',
    tokens: '12',
    cost: '0.25',
  });
});

test('there and back it is the same event', () => {
  for (const event of [EVENT, { ...EVENT, timestamp: '2023-11-14T22:13:20.123Z' }, { eventType: 'a' }, {}]) {
    assert.deepEqual(JSON.parse(encodeEvent(decode(event)).toString()), event);
  }
});

test('a record that was no event before', () => {
  const record = {
    ...decode({}),
    ...{ eventName: 'login', timeUnixNano: 1_700_000_000_000_000_000n, traceId: Buffer.alloc(16, 1) },
    attributes: [{ key: 'user.id', value: { stringValue: 'u' } }],
  };
  const common = { eventType: 'login', timestamp: 1_700_000_000_000, traceId: '01'.repeat(16), 'user.id': 'u' };
  const made = (body: object) => JSON.parse(encodeEvent({ ...record, body }).toString());
  assert.deepEqual(made({ stringValue: 'in words' }), { body: 'in words', ...common });
  assert.deepEqual(made({ stringValue: '{not JSON' }), { body: '{not JSON', ...common });
  assert.deepEqual(made({ kvlistValue: { values: [{ key: 'n', value: { intValue: 2n ** 60n } }] } }), {
    n: String(2n ** 60n),
    ...common,
  });
});

test('times and ids that mean nothing are left to be attributes', () => {
  const times = ['yesterday', -5, 0, null, true, 1e300, {}, '', '99999999999999999', '2023-11-14', '-5'];
  times.push('6020-01-01T00:00:00Z', 20_000_000_000_000);
  for (const timestamp of times) assert.equal(decode({ timestamp }).timeUnixNano, 0n, String(timestamp));
  for (const timestamp of ['2023-11-14T23:13:20+01:00', '2023-11-14T22:13:20', '1700000000000', 1_700_000_000_000.5]) {
    assert.equal(decode({ timestamp }).timeUnixNano / 1_000_000n, 1_700_000_000_000n, String(timestamp));
  }
  for (const traceId of ['trace-1', 'g'.repeat(32), 7, '']) {
    const record = decode({ traceId });
    assert.equal(record.traceId.length, 0);
    assert.equal(valueText(record.attributes[0]?.value), String(traceId));
  }
  assert.equal(decode({ eventType: 7 }).eventName, '');
});

test('what is no object is refused, names of members of objects are names', () => {
  for (const text of ['', '[]', 'null', '1', '{"a":', '"text"']) {
    assert.throws(() => decodeEvent(Buffer.from(text), 0), text);
  }
  const text = '{"__proto__":{"polluted":true},"constructor":"c"}';
  const record = decodeEvent(Buffer.from(text), 0);
  assert.deepEqual(
    record.attributes.map(({ key }) => key),
    ['__proto__', 'constructor'],
  );
  assert.equal(encodeEvent(record).toString(), text);
});
