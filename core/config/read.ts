import { type Findings, readSection } from './decoder.ts';
import { ConfigError } from './fault.ts';
import type { Schema } from './schema.ts';
import { parseYaml } from './yaml.ts';

/**
 * Reads a component's own section from YAML text, as in tests and tools; throws a ConfigError with all faults. Empty
 * text gives the defaults. There is no expansion of `${…}`.
 */
export function readYaml<T>(schema: Schema<T>, yaml: string, options: { readonly strict?: boolean } = {}): T {
  const parsed = parseYaml(yaml, 'config.yaml');
  if ('error' in parsed) throw new ConfigError([{ at: parsed.at, section: '', message: parsed.error }]);
  const findings: Findings = { faults: [], warnings: [], strict: options.strict ?? false };
  const value = readSection(schema, parsed.node, '', findings);
  if (findings.faults.length > 0) throw new ConfigError(findings.faults);
  return value;
}
