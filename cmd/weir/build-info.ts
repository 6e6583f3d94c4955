import type { BuildInfo } from '../../core/component.ts';

/** What this program is called in logs, self-metrics and `--version`. The version is that of package.json. */
export const BUILD: BuildInfo = {
  command: 'weir',
  description: 'Weir telemetry collector',
  version: '0.1.0',
};
