import { FEATURE_GATES } from '../../core/feature-gates.ts';
import { UsageError } from './terminal.ts';

/** A table of all feature gates, or one of them in full. */
export function showFeatureGates(id: string | undefined): string {
  if (id === undefined) {
    const width = Math.max(...FEATURE_GATES.map((gate) => gate.id.length));
    const row = (cells: readonly string[]): string => {
      const [name = '', enabled = '', stage = '', description = ''] = cells;
      return `${name.padEnd(width)}  ${enabled.padEnd(7)}  ${stage.padEnd(5)}  ${description}\n`;
    };
    const rows = FEATURE_GATES.map((gate) => row([gate.id, String(gate.enabled), gate.stage, gate.description]));
    return row(['ID', 'Enabled', 'Stage', 'Description']) + rows.join('');
  }
  const gate = FEATURE_GATES.find((g) => g.id === id);
  if (gate === undefined) throw new UsageError(`feature ${JSON.stringify(id)} not found`);
  const { enabled, stage, description } = gate;
  return `Feature: ${id}\nEnabled: ${enabled}\nStage: ${stage}\nDescription: ${description}\n`;
}
