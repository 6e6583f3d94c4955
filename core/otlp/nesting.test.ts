import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNALS, type Signal } from '../signal.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import { decodeJson } from './json/decode.ts';
import { encodeJson } from './json/encode.ts';
import { MAX_NESTING } from './nesting.ts';
import { scanInKernel } from './scan/kernel.ts';
import { scan } from './scan/scan.ts';
import { REQUEST_KIND } from './scan/table.ts';
import { walkRequest } from './scan/walk.ts';
import { decodeTree, encodeTree } from './tree.ts';
import { valueText } from './value.ts';
import { varintSize, writeVarint } from './wire.ts';

/** Above the outermost value: request, resource group, resource, key; the value itself; then two for each list. */
const MOST_LISTS = Math.floor((MAX_NESTING - 5) / 2);
/** Whatever reads in a process is called by something, which has taken some of the stack already. */
const CALLERS = 500;

function field(number: number, ...content: Buffer[]): Buffer {
  const inner = Buffer.concat(content);
  const head = Buffer.alloc(1 + varintSize(inner.length), (number << 3) | 2);
  writeVarint(head, 1, inner.length);
  return Buffer.concat([head, inner]);
}

function nestedValue(lists: number): Buffer {
  let value = field(1, Buffer.from('x'));
  for (let i = 0; i < lists; i++) value = field(5, field(1, value));
  return value;
}

const nested = (lists: number) =>
  field(1, field(1, field(1, field(1, Buffer.from('key')), field(2, nestedValue(lists)))));

function nestedJson(signal: Signal, lists: number): Buffer {
  const group = { traces: 'resourceSpans', metrics: 'resourceMetrics', logs: 'resourceLogs' }[signal];
  const [open, close] = ['{"arrayValue":{"values":['.repeat(lists), ']}}'.repeat(lists)];
  const value = `${open}{"stringValue":"x"}${close}`;
  return Buffer.from(`{"${group}":[{"resource":{"attributes":[{"key":"key","value":${value}}]}}]}`);
}

function deepInTheStack(levels: number, run: () => void): void {
  if (levels === 0) run();
  else deepInTheStack(levels - 1, run);
}

test('what is nested to the limit passes every reader and writer', () => {
  for (const signal of SIGNALS) {
    const request = nested(MOST_LISTS);
    const batch = Telemetry.of(signal, request, 0);
    deepInTheStack(CALLERS, () => {
      assert.equal(scan(signal, request, 0, request.length), 0);
      assert.equal(walkRequest(signal, request, 0, request.length), 0);
      assert.equal(scanInKernel(request, 0, request.length, REQUEST_KIND[signal]), 0);
      assert.deepEqual(decodeJson(signal, nestedJson(signal, MOST_LISTS)).bytes, request);
      assert.equal(encodeJson(batch).toString(), nestedJson(signal, MOST_LISTS).toString());
      assert.deepEqual(encodeTree(signal, decodeTree(signal, batch)), request);
      const value = nestedValue(MOST_LISTS);
      assert.equal(valueText(value, 0, value.length), `${'['.repeat(MOST_LISTS)}"x"${']'.repeat(MOST_LISTS)}`);
    });
  }
});

test('what is nested deeper is refused, in protobuf and in JSON', () => {
  for (const signal of SIGNALS) {
    const request = nested(MOST_LISTS + 1);
    assert.throws(() => scan(signal, request, 0, request.length), /messages are nested deeper than 1000/);
    assert.equal(scanInKernel(request, 0, request.length, REQUEST_KIND[signal]), -1);
    const json = nestedJson(signal, MOST_LISTS + 1);
    assert.throws(() => decodeJson(signal, json), /more than 1000 levels of messages/);
  }
});
