import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../core/config/read.ts';
import { config } from './config.ts';

const job = (keys: string) => `config: {scrape_configs: [{job_name: j, ${keys}}]}`;

test('histograms may be asked for with custom buckets, which is how they arrive anyway', () => {
  for (const keys of ['convert_classic_histograms_to_nhcb: true', 'always_scrape_classic_histograms: true']) {
    assert.equal(readYaml(config, job(keys)).config.scrape_configs.length, 1);
  }
  const everywhere = 'config: {global: {convert_classic_histograms_to_nhcb: true}, scrape_configs: [{job_name: j}]}';
  assert.equal(readYaml(config, everywhere).config.scrape_configs.length, 1);
});

test('the API about targets is refused where it is enabled', () => {
  const server = 'server_config: {endpoint: "127.0.0.1:9090"}';
  assert.throws(() => readYaml(config, `${job('')}\napi_server: {enabled: true, ${server}}`), /api_server is not supp/);
  assert.throws(() => readYaml(config, `${job('')}\napi_server: {enabled: true}`), /non-empty server_config endpoint/);
  assert.doesNotThrow(() => readYaml(config, `${job('')}\napi_server: {${server}}`));
});
