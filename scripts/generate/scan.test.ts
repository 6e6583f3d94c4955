import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { scan } from './scan.ts';

const factory = (kind: string, type: string, aliases: readonly string[] = []) =>
  `export default { kind: '${kind}', type: '${type}', aliases: ${JSON.stringify(aliases)}, config: {}, create() {} };`;

test('good folders are found, each bad one is named with its reason', async (context) => {
  const root = mkdtempSync(join(tmpdir(), 'weir-scan-'));
  context.after(() => rmSync(root, { recursive: true }));
  const files: Record<string, string> = {
    'processors/good/index.ts': factory('processor', 'good', ['nice']),
    'processors/nice/index.ts': factory('processor', 'nice'),
    'processors/empty/README.md': '',
    'processors/wrong_kind/index.ts': factory('exporter', 'wrong_kind'),
    'processors/renamed/index.ts': factory('processor', 'other'),
    'exporters/nothing/index.ts': 'export const config = {};',
    'exporters/broken/index.ts': "import './absent.ts';",
    'exporters/Camel/index.ts': factory('exporter', 'Camel'),
  };
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  }
  const { components, faults } = await scan(root);
  assert.deepEqual(
    components.map(({ folder }) => folder),
    ['processors/good', 'processors/nice'],
  );
  const expected = [
    /^processors\/empty: has no index\.ts$/,
    /^processors\/renamed: the factory's type is other/,
    /^processors\/wrong_kind: the factory is of kind exporter/,
    /^exporters\/Camel: the folder name must be lower_snake_case$/,
    /^exporters\/broken: index\.ts cannot be imported: .*absent/,
    /^exporters\/nothing: index\.ts has no default export$/,
    /^processors\/nice: the name nice is taken by processors\/good$/,
  ];
  assert.equal(faults.length, expected.length, faults.join('\n'));
  for (const [i, pattern] of expected.entries()) assert.match(faults[i]!, pattern);
});
