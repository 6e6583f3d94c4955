import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { config } from './config.ts';

test('the loglevel of the logging exporter is read as verbosity, and refused when strict', () => {
  const levels = { debug: 'detailed', info: 'normal', warn: 'basic', ERROR: 'basic' };
  for (const [loglevel, verbosity] of Object.entries(levels)) {
    assert.equal(readYaml(config, `loglevel: ${loglevel}`).verbosity, verbosity);
  }
  assert.throws(() => readYaml(config, 'loglevel: debug', { strict: true }), /has invalid keys: loglevel/);
});
