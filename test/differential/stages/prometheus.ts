import type { Stage } from '../stage.ts';
import { randomRequest } from '../telemetry.ts';

/** The page is compared line by line. Its order, where two series exclude each other, is the collector's chance. */
export const prometheus: Stage = {
  name: 'prometheus',
  pipeline(random) {
    const config = {
      ...random.maybe(0.3, 'namespace', () => random.pick(['app', 'a-b', '1x'])),
      ...random.maybe(0.3, 'const_labels', () => ({ region: 'eu', 'x.y': 'z' })),
      ...random.maybe(0.3, 'send_timestamps', () => true),
      ...random.maybe(0.4, 'resource_to_telemetry_conversion', () => ({
        enabled: true,
        ...random.maybe(0.3, 'exclude_service_attributes', () => true),
      })),
      ...random.maybe(0.5, 'enable_open_metrics', () => true),
      ...random.maybe(0.2, 'without_scope_info', () => true),
      ...random.maybe(0.3, 'add_metric_suffixes', () => false),
      ...random.maybe(0.4, 'translation_strategy', () =>
        random.pick([
          'UnderscoreEscapingWithSuffixes',
          'UnderscoreEscapingWithoutSuffixes',
          'NoUTF8EscapingWithSuffixes',
          'NoTranslation',
        ]),
      ),
    };
    return { signal: 'metrics', kind: 'exporter', type: 'prometheus', config };
  },
  request: (signal, random) => randomRequest(signal, random, 0),
};
