import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { type Attributes, assertRestores, records, StreamSinks, streamBatch } from '../../core/testing/streams.ts';
import { config } from './config.ts';
import { dedupConnector } from './connector.ts';

const T = 1_700_000_040_000;

async function run(yaml: string, items: readonly (readonly [number, Attributes])[]) {
  const sinks = new StreamSinks('logs');
  const settings = testSettings({ id: 'dedup', kind: 'connector' });
  const options = readYaml(config, `max_future: 0s\nlate_pipeline: logs/late\n${yaml}`);
  const connector = dedupConnector(settings, options, sinks);
  await connector.start(new NopHost());
  for (const item of items) await connector.consume(streamBatch('logs', records([item])));
  await connector.shutdown();
  return { settings, sinks, rows: sinks.results.batches.flatMap((batch) => rowsOf(batch)) };
}

function rowsOf(batch: Parameters<typeof decodeTree>[1]): Record<string, string>[] {
  return decodeTree('logs', batch).resourceLogs.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ attributes }) =>
        Object.fromEntries(attributes.map(({ key, value }) => [key, valueText(value)])),
      ),
    ),
  );
}

for (const [keep, id] of [
  ['first', 'b'],
  ['last', 'd'],
  ['earliest', 'c'],
  ['latest', 'a'],
] as const) {
  test(`keep: ${keep}`, async () => {
    const { rows } = await run(`keep: ${keep}\nkey: [alert.type]`, [
      [T + 5, { 'alert.type': 'x', id: 'b' }],
      [T + 9, { 'alert.type': 'x', id: 'a' }],
      [T + 1, { 'alert.type': 'x', id: 'c' }],
      [T + 1, { 'alert.type': 'x', id: 'e' }],
      [T + 9, { 'alert.type': 'x', id: keep === 'latest' ? 'a' : 'f' }],
      [T + 7, { 'alert.type': 'x', id: 'd' }],
    ]);
    assert.equal(rows.length, 1);
    assert.equal(rows[0]?.id, id);
    assert.equal(rows[0]?.['alert.count'], '6');
    assert.equal(rows[0]?.['alert.first_time'], '2023-11-14T22:14:00.001Z');
    assert.equal(rows[0]?.['alert.last_time'], '2023-11-14T22:14:00.009Z');
    assert.equal(rows[0]?.['window.incomplete'], 'true');
  });
}

test('a window that has ended is complete; a record that is late goes to the late pipeline as it came', async () => {
  const { rows, sinks, settings } = await run('size: 10s\nout_of_orderness: 0s', [
    [T, { 'alert.type': 'x' }],
    [T + 10_000, { 'alert.type': 'y' }],
    [T + 1, { 'alert.type': 'x', id: 'late' }],
  ]);
  assert.deepEqual(
    rows.map((row) => [row['alert.type'], row['window.incomplete']]),
    [
      ['x', undefined],
      ['y', 'true'],
    ],
  );
  assert.deepEqual(sinks.late.batches.flatMap(rowsOf), [{ 'alert.type': 'x', id: 'late' }]);
  assert.equal(settings.meter.value('otelcol_stream_strays', { reason: 'late' }), 1);
});

test('records without the fields of the key are alike', async () => {
  const { rows } = await run('key: [a, b]', [
    [T, {}],
    [T, { a: '', b: '' }],
    [T, { a: 'x' }],
  ]);
  assert.deepEqual(rows.map((row) => row['alert.count']).toSorted(), ['1', '2']);
});

test('records that are kept count as memory', async () => {
  const { rows, settings } = await run('key: [id]\nmax_state_mib: 1', [
    [T, { id: 'a', text: 'x'.repeat(1 << 20) }],
    [T, { id: 'b' }],
  ]);
  assert.equal(rows.length, 1);
  assert.equal(settings.meter.value('otelcol_stream_strays', { reason: 'too much state' }), 1);
});

for (const shape of ['size: 10s\nkeep: latest\nallowed_lateness: 5s', 'type: session\ngap: 4s\nkeep: last']) {
  test(`goes on from snapshots as if it had not been stopped: ${shape.replaceAll('\n', ', ')}`, async () => {
    const options = readYaml(config, `max_future: 0s\nout_of_orderness: 3s\nlate_pipeline: logs/late\n${shape}`);
    await assertRestores(
      (sinks) => dedupConnector(testSettings({ id: 'dedup', kind: 'connector' }), options, sinks),
      () => new StreamSinks('logs'),
      (random, step) => {
        const record = (i: number) => {
          const time = T + step * 1_000 - Math.floor(random() * 12_000);
          return [time, { 'alert.type': `t${Math.floor(random() * 4)}`, id: `${step}/${i}` }] as const;
        };
        return streamBatch('logs', records([record(0), record(1)]), 'p');
      },
      20,
    );
  });
}

test('configurations that cannot be meant are refused', () => {
  for (const [yaml, message] of [
    ['size: 0s', /size: must be at least 1ms/],
    ['type: session', /gap: must be at least 1ms/],
    ['key: []', /key: must name at least one field/],
    ['offset: 1m', /offset: must be smaller than size/],
    ['idle_timeout: -1s', /idle_timeout: must not be negative/],
    ['size: 1.5s\ngap: 0.5ms', /gap: must be whole milliseconds/],
  ] as const) {
    assert.throws(() => readYaml(config, yaml), message, yaml);
  }
});
