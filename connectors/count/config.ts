import { any, type Infer, list, mapOf, string, stringList, struct } from '../../core/config/fields.ts';

/** As the collector, which reads what it knows. */
const lax = { ignoresUnknown: true } as const;

const attributeFields = {
  key: string('Its name: of the item, else of the scope, else of the resource.'),
  default_value: any('The value where there is no such attribute. Without it such items are not counted.'),
} as const;
const attribute = struct('countconnector.AttributeConfig', 'An attribute that is counted by.', attributeFields, lax);

const metricFields = {
  description: string('Its description.'),
  conditions: stringList('OTTL conditions, of which one must hold. Not available yet.'),
  attributes: list('Counts for each combination of these attributes.', attribute),
} as const;
const metric = struct('countconnector.MetricInfo', 'A metric, under its name.', metricFields, lax);
export type MetricInfo = Infer<typeof metric>;

export const config = struct(
  'countconnector.Config',
  'Which metrics are counted. A section that is absent or empty has one metric that counts all.',
  {
    spans: mapOf('Counts spans. Default: trace.span.count.', metric),
    spanevents: mapOf('Counts events of spans. Default: trace.span.event.count.', metric),
    metrics: mapOf('Counts metrics; without attributes. Default: metric.count.', metric),
    datapoints: mapOf('Counts data points. Default: metric.datapoint.count.', metric),
    logs: mapOf('Counts log records. Default: log.record.count.', metric),
    profiles: mapOf('Read, and without effect: there are no pipelines for profiles.', metric),
  },
  {
    ignoresUnknown: true,
    validate(value, path, report) {
      for (const [section, metrics] of Object.entries(value)) {
        for (const [name, info] of Object.entries(metrics)) {
          for (const message of faultsOf(section, name, info)) report(path, message);
        }
      }
    },
  },
);
export type Config = Infer<typeof config>;

function faultsOf(section: string, name: string, { conditions, attributes }: MetricInfo): string[] {
  const metric = `metric ${JSON.stringify(name)}`;
  if (name === '') return [`${section}: metric name missing`];
  if (conditions.length > 0) {
    return [`${section} condition: ${metric}: conditions (OTTL) are not available yet, leave the key out`];
  }
  if (section === 'metrics') return attributes.length > 0 ? [`metrics attributes not supported: ${metric}`] : [];
  // the collector's words for data points
  const shown = section === 'datapoints' ? 'spans' : section;
  const missing = attributes.some(({ key }) => key === '');
  return missing ? [`${shown} attributes: ${metric}: attribute key missing`] : [];
}
