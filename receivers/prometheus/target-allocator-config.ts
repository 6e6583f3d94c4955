import { duration, type Infer, optional, string, struct } from '../../core/config/fields.ts';
import { httpClient } from '../../core/config/sections/http-client.ts';
import { httpSdConfig } from '../../core/prometheus/discovery/http.ts';
import { httpClientConfig } from '../../core/prometheus/http-client-config/config.ts';

export const targetAllocator = struct(
  'targetallocator.Config',
  'Asks the target allocator of the OpenTelemetry operator for jobs and targets.',
  {
    interval: duration('Time between two requests for jobs.', '0s'),
    collector_id: string('Which collector this is.'),
    http_sd_config: optional(httpSdConfig.with({ url: 'http://placeholder' }), { present: false }),
    http_scrape_config: optional(httpClientConfig, { present: false }),
  },
  {
    embed: [httpClient],
    validate(value, path, report) {
      if (!URL.canParse(value.endpoint) && !value.endpoint.startsWith('/')) {
        report(path, `TargetAllocator endpoint is not valid: ${value.endpoint}`);
      }
      if (value.collector_id === '' || value.collector_id.includes('${')) report(path, 'CollectorID is not a valid ID');
      if (value.interval <= 0) report(path, `interval must be a positive duration, got ${value.interval}s`);
    },
  },
);
export type TargetAllocatorConfig = Infer<typeof targetAllocator>;
