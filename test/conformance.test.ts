/** Every component, found by its folder, is held against the rules in core/testing/conformance. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { conformance, type Exceptions } from '../core/testing/conformance/suite.ts';
import { docs } from '../scripts/generate/docs.ts';
import { type Found, scan } from '../scripts/generate/scan.ts';
import { ROOT } from './support/repository.ts';

/** By component folder: rule → why it cannot hold there. */
const EXCEPTIONS: Readonly<Record<string, Exceptions>> = {
  'connectors/count': {
    'all that went in is out after shutdown, unchanged at the source, and then there is silence':
      'a metric without data is refused, as in the collector; tested there',
    'an unknown key is refused with its name and place': 'the collector takes it without effect; a warning names it',
  },
  'processors/groupbytrace': {
    'a refusal of the next component reaches the sender, or is logged where the data was accepted before':
      'it hands on each trace for itself, so there are as many refusals as traces; tested there',
  },
  'processors/interval': {
    'all that went in is out after shutdown, unchanged at the source, and then there is silence':
      'points of one series replace one another; tested there',
  },
};

const { components, faults } = await scan(ROOT);
const scratch = mkdtempSync(join(tmpdir(), 'weir-conformance-'));

test('every component folder has a factory named like it', () => {
  assert.deepEqual(faults, []);
});

test('generated pages are current', () => {
  const stale = docs(ROOT, components).filter(
    ({ file, content }) => !existsSync(join(ROOT, file)) || readFileSync(join(ROOT, file), 'utf8') !== content,
  );
  assert.deepEqual(
    stale.map(({ file }) => file),
    [],
    'run npm run generate',
  );
});

for (const found of components) {
  conformance(found.folder, { factory: found.factory, minimal: minimal(found) }, EXCEPTIONS[found.folder]);
}

/** `testdata/minimal.yaml` of the component, or nothing; `@DIR@` in it is a folder to write to. */
function minimal({ folder }: Found): string {
  const file = join(ROOT, folder, 'testdata/minimal.yaml');
  return existsSync(file) ? readFileSync(file, 'utf8').replaceAll('@DIR@', scratch) : '';
}
