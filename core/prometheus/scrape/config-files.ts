import { globSync, readFileSync } from 'node:fs';
import { type Findings, readSection } from '../../config/decoder.ts';
import { formatPosition } from '../../config/fault.ts';
import { type Infer, list, mapOf, struct } from '../../config/fields.ts';
import type { Schema } from '../../config/schema.ts';
import { parseYaml } from '../../config/yaml.ts';
import { fileFault } from '../../file-fault.ts';
import { type ScrapeConfig, scrapeConfig, validateWithGlobal } from './config.ts';
import type { GlobalConfig } from './global-config.ts';

const scrapeConfigs = struct('config.ScrapeConfigs', 'What is scraped.', {
  scrape_configs: list('What is scraped.', scrapeConfig),
});

const jobsByName = mapOf('Jobs by name.', scrapeConfig);

export interface LoadedConfigs {
  readonly configs: readonly ScrapeConfig[];
  readonly faults: readonly string[];
}

/** Reads the files of `scrape_config_files`; a job that is in `known` must not come again. */
export function loadScrapeConfigs(
  patterns: readonly string[],
  global: GlobalConfig,
  known: ReadonlySet<string>,
): LoadedConfigs {
  const configs: ScrapeConfig[] = [];
  const faults: string[] = [];
  const jobs = new Set(known);
  for (const file of patterns.flatMap((pattern) => globSync(pattern).sort())) {
    const read = readFile(file, global);
    faults.push(...read.faults.map((fault) => `${file}: ${fault}`));
    for (const config of read.configs) {
      const name = config.job_name;
      if (jobs.has(name)) faults.push(`${file}: found multiple scrape configs with job name ${JSON.stringify(name)}`);
      jobs.add(name);
      configs.push(config);
    }
  }
  return { configs, faults };
}

function readFile(file: string, global: GlobalConfig): LoadedConfigs {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    return { configs: [], faults: [fileFault(file, error)] };
  }
  return read(content, file, global, scrapeConfigs, (value: Infer<typeof scrapeConfigs>) => value.scrape_configs);
}

/** Reads jobs by name, as a target allocator sends them. */
export function readJobs(content: string, source: string, global: GlobalConfig): LoadedConfigs {
  return read(content, source, global, jobsByName, (value) => Object.values(value));
}

function read<T>(
  content: string,
  source: string,
  global: GlobalConfig,
  schema: Schema<T>,
  configsOf: (value: T) => readonly ScrapeConfig[],
): LoadedConfigs {
  const parsed = parseYaml(content, source);
  if ('error' in parsed) return { configs: [], faults: [parsed.error] };
  const findings: Findings = { faults: [], warnings: [], strict: true };
  const configs = configsOf(readSection(schema, parsed.node, '', findings));
  const faults = findings.faults.map(({ at, message }) =>
    at === undefined ? message : `${formatPosition(at)}: ${message}`,
  );
  if (faults.length === 0) {
    for (const config of configs) validateWithGlobal(config, global, '', (_path, message) => faults.push(message));
  }
  return { configs: faults.length > 0 ? [] : configs, faults };
}
