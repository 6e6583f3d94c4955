import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder } from './hpack-decoder.ts';
import { encodeHeaders } from './hpack-encoder.ts';
import { decodeHuffman } from './huffman.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function decode(decoder: HpackDecoder, block: Buffer): string[] {
  return decoder.decode(block, 0, block.length).map((f) => `${f.name}: ${f.value}`);
}

const LIMIT = 1 << 16;

test('RFC 7541 C.3: requests without Huffman share a table', () => {
  const decoder = new HpackDecoder(LIMIT);
  const first = hex('8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d');
  const head = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
  assert.deepEqual(decode(decoder, first), head);
  assert.deepEqual(decode(decoder, hex('8286 84be 5808 6e6f 2d63 6163 6865')), [...head, 'cache-control: no-cache']);
});

test('RFC 7541 C.4: requests with Huffman', () => {
  const decoder = new HpackDecoder(LIMIT);
  const head = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
  assert.deepEqual(decode(decoder, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')), head);
  assert.deepEqual(decode(decoder, hex('8286 84be 5886 a8eb 1064 9cbf')), [...head, 'cache-control: no-cache']);
  assert.deepEqual(decode(decoder, hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')), [
    ':method: GET',
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value',
  ]);
});

test('RFC 7541 C.5: the table evicts the oldest entries', () => {
  const decoder = new HpackDecoder(LIMIT);
  // the examples use a table of 256 octets, so the first block announces one (0x3f 0xe1 0x01)
  const first = hex(
    '3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 ' +
      '3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
  );
  assert.equal(decode(decoder, first)[0], ':status: 302');
  assert.deepEqual(decode(decoder, hex('4803 3330 37c1 c0bf')), [
    ':status: 307',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ]);
  assert.throws(() => decode(decoder, hex('c2')), /no header field at index 66/);
});

test('the table generation changes only with the table', () => {
  const decoder = new HpackDecoder(LIMIT);
  decode(decoder, hex('8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d'));
  const { generation } = decoder;
  decode(decoder, hex('8286 84be'));
  assert.equal(decoder.generation, generation);
  decode(decoder, hex('20'));
  assert.notEqual(decoder.generation, generation);
});

const broken: readonly (readonly [string, string])[] = [
  ['index 0', '80'],
  ['index outside the table', 'be'],
  ['size update after a field', '82 20'],
  ['size update over the limit', '3f e2 1f'],
  ['integer without an end', 'ff ff ff ff ff ff ff ff ff ff'],
  ['integer too large', 'ff ff ff ff ff 7f'],
  ['integer cut off', 'ff 80'],
  ['string longer than the block', '40 0a 61'],
  ['string cut off before its length', '40'],
  ['Huffman padding of 8 bits', '40 82 1f ff 01 61'],
  ['Huffman padding with a 0', '40 81 1e 01 61'],
  ['Huffman end of string', '40 84 ff ff ff ff 01 61'],
];
for (const [name, block] of broken) {
  test(`refuses: ${name}`, () => {
    assert.throws(() => decode(new HpackDecoder(LIMIT), hex(block)), { name: 'ConnectionError', code: 9 });
  });
}

test('fields over the list limit are dropped, the table keeps in step', () => {
  const decoder = new HpackDecoder(64);
  const [name, value] = ['a'.repeat(20), 'b'.repeat(20)];
  const literal = Buffer.concat([hex('40 14'), Buffer.from(name), hex('14'), Buffer.from(value)]);
  assert.deepEqual(decode(decoder, Buffer.concat([hex('82'), literal])), [':method: GET']);
  assert.equal(decoder.oversized, true);
  assert.deepEqual(decode(new HpackDecoder(LIMIT), Buffer.concat([literal, hex('be')])).length, 2);
  decode(decoder, hex('be'));
  assert.equal(decoder.oversized, true);
});

test('marks names and values that HTTP/2 forbids', () => {
  const decoder = new HpackDecoder(LIMIT);
  const malformed = (name: string, value: string): boolean =>
    decoder.decode(encodeHeaders([[name, value]]), 0, encodeHeaders([[name, value]]).length)[0]!.malformed;
  assert.equal(malformed('x-ok', 'a b'), false);
  for (const [name, value] of [
    ['X-Up', ''],
    ['', ''],
    ['a b', ''],
    ['a', 'x\r\ny'],
    ['a', ' x'],
    ['a', 'x\t'],
  ] as const)
    assert.equal(malformed(name, value), true, `${name}=${value}`);
});

test('what the encoder writes decodes to the same fields', () => {
  const fields: [string, string][] = [
    [':status', '200'],
    [':path', '/opentelemetry.proto.collector.trace.v1.TraceService/Export'],
    ['content-type', 'application/grpc'],
    ['authorization', 'Bearer secret'],
    ['x-long', 'v'.repeat(5000)],
    ['grpc-message', ''],
  ];
  assert.deepEqual(
    decode(new HpackDecoder(LIMIT), encodeHeaders(fields)),
    fields.map(([n, v]) => `${n}: ${v}`),
  );
});

test('Huffman decodes every octet', () => {
  // from RFC 7541 C.4 and C.6
  const cases = [
    ['f1e3 c2e5 f23a 6ba0 ab90 f4ff', 'www.example.com'],
    ['d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    [
      '94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106' +
        '3d50 07',
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ],
  ] as const;
  for (const [octets, text] of cases) assert.equal(decodeHuffman(hex(octets), 0, hex(octets).length), text);
});
