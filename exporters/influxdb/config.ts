import { bool, type Infer, int, oneOf, secret, string, stringList, struct } from '../../core/config/fields.ts';
import { httpClient } from '../../core/config/sections/http-client.ts';
import { sendingQueue } from '../../core/config/sections/queue.ts';
import { retry } from '../../core/config/sections/retry.ts';

const v1Compatibility = struct('influxdbexporter.V1Compatibility', 'The interface of InfluxDB 1.x.', {
  enabled: bool('Whether to write as InfluxDB 1.x expects it, to a database instead of a bucket.'),
  db: string('Name of the database.'),
  username: string('User for basic authentication.'),
  password: secret('Password for basic authentication.'),
});

export const SCHEMAS = ['telegraf-prometheus-v1', 'telegraf-prometheus-v2', 'otel-v1'] as const;
const PRECISIONS = ['ns', 'ms', 's', 'us'] as const;

/** A path that is given is kept, so an endpoint may also be the URL to write to. */
export const config = struct(
  'influxdbexporter.Config',
  'Where to write and how.',
  {
    sending_queue: sendingQueue(),
    retry_on_failure: retry,
    org: string('Organization that the bucket belongs to.'),
    bucket: string('Bucket to write to.'),
    token: secret('Token that may write to the bucket.'),
    v1_compatibility: v1Compatibility,
    span_dimensions: stringList('Attributes of spans, scopes and resources that become tags of spans.', [
      'service.name',
      'span.name',
    ]),
    log_record_dimensions: stringList('Attributes of log records, scopes and resources that become tags of logs.', [
      'service.name',
    ]),
    metrics_schema: string(`How metrics are laid out: ${SCHEMAS.join(', ')}.`, SCHEMAS[0]),
    payload_max_lines: int('Lines of one request at most.', 10_000, 'int'),
    payload_max_bytes: int('Bytes of one request at most, before compression.', 10_000_000, 'int'),
    precision: oneOf(
      'Unit of timestamps: ns, us, ms or s.',
      PRECISIONS,
      'ns',
      (found) => `invalid precision ${JSON.stringify(found)}, must be one of: ${PRECISIONS.join(', ')}`,
    ),
  },
  {
    embed: [httpClient.with({ timeout: 5000 })],
    validate(value, path, report) {
      const spans = duplicates(value.span_dimensions);
      if (spans !== '') report(path, `duplicate span dimension(s) configured: ${spans}`);
      const logs = duplicates(value.log_record_dimensions);
      if (logs !== '') report(path, `duplicate log record dimension(s) configured: ${logs}`);
    },
  },
);
export type Config = Infer<typeof config>;

function duplicates(list: readonly string[]): string {
  return [...new Set(list.filter((name, at) => list.indexOf(name) !== at))].join(',');
}
