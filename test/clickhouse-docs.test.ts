/** Every `weir query` of docs/clickhouse.md is run, by a shell as a reader would, on a store that a weir has open. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Chdb } from '../core/clickhouse/chdb.ts';
import { applySchema } from '../core/clickhouse/schema/apply.ts';
import { platformSchema } from '../core/clickhouse/schema/platform-schema.ts';
import { ROOT, read } from './support/repository.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const TABLES = ['traces', 'business_events', 'logs', 'aggregated_metrics'];
/** The hours of the first of January 2026, with every service, type and user that the page asks for. */
const ROWS = [
  `INSERT INTO traces SELECT if(number = 7, '${TRACE}', lower(hex(sipHash128(number)))), lower(hex(sipHash64(number))), '',
     ['chat-app', 'mcp-tools', 'other'][number % 3 + 1], concat('op-', toString(number % 5)),
     toDateTime64('2026-01-01 00:00:00', 9) + number * 60 AS start, start + 1, number * 1000000, number % 3,
     map('user.id', 'u'), [], map(), now() FROM numbers(1000)`,
  `INSERT INTO business_events SELECT toString(number), ['checkout', 'search'][number % 2 + 1],
     concat('user-', toString(number % 4)), 's', '', toDateTime64('2026-01-01 10:00:00', 9) + number,
     map('success', if(number % 4 = 0, 'false', 'true')), map('amount', number), now() FROM numbers(100)`,
  `INSERT INTO logs (timestamp, trace_id, severity_text, body) VALUES ('2026-01-01 00:07:00', '${TRACE}', 'INFO', 'hello')`,
  `INSERT INTO aggregated_metrics (service_name, metric_name, timestamp, count, sum, min, max)
     SELECT 'chat-app', 'chat.duration', toDateTime('2026-01-01 00:00:00') + number * 20, 2, 3, 1, 2 FROM numbers(6)`,
];

/** What the answers are known by, in the order of the page. */
const ANSWERS: readonly RegExp[] = [
  /(?:[^\n]*op-\d[^\n]*\n){100}/,
  /^\{"start_time":"2026-01-01 00:07:00[^\n]*"service_name":"mcp-tools"[^\n]*"ms":7,[^\n]*\}\n$/,
  /(?:[^\n]*(?:checkout|search)[^\n]*\n){50}/,
  /1\. │ 2026-01-01 00:00:00 │ chat-app +│ +1\.5 │ +9 │ +2 │ +1 │\n2\. │ 2026-01-01 00:01:00/,
  /17\. │ 2026-01-01 16:00:00 │ +40 │/,
  /15\. │ \S+ +│ op-\d +│ +66 │/,
  /1\. │ user-\d +│ +25 │/,
  /^"timestamp","metric_name","events","succeeded"\n"2026-01-01 10:00:00","checkout",50,0\.5\n[^\n]*"search",50,1\n$/,
  /INFO +│ hello/,
];

let folder: string;
let store: Chdb;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-clickhouse-docs-'));
  store = Chdb.open(join(folder, 'data/store'), 'default');
  await applySchema(store, platformSchema({ database: 'default' }));
  // the rows are older than they may be
  for (const table of TABLES) await store.command(`ALTER TABLE ${table} REMOVE TTL`);
  for (const sql of ROWS) await store.command(sql);
  const weir = join(folder, 'weir');
  await writeFile(weir, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'cmd/weir/main.ts')}' "$@"\n`);
  await chmod(weir, 0o755);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const questions = [...read('docs/clickhouse.md').matchAll(/^```sh\n(weir query [\s\S]*?)^```$/gm)].map(([, sh]) => sh!);

test('the page has a question for each answer', () => {
  assert.equal(questions.length, ANSWERS.length);
});

for (const [index, question] of questions.entries()) {
  const [head = ''] = question.match(/FROM \w+/) ?? [];
  test(`question ${index + 1}: ${head}`, async () => {
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', question], { cwd: folder, env });
    assert.equal(stderr, '');
    assert.match(stdout, ANSWERS[index]!);
  });
}
