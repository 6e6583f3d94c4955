import { duration, type Infer, oneOf, string, struct } from '../../core/config/fields.ts';
import { bufferSize, COMPRESSIONS, unsupportedCompression } from '../../core/config/sections/common.ts';
import { httpClient } from '../../core/config/sections/http-client.ts';
import { sendingQueue } from '../../core/config/sections/queue.ts';
import { retry } from '../../core/config/sections/retry.ts';

/** The collector's; the key is accepted, our writes have a size of their own. */
const WRITE_BUFFER = 512 * 1024;

export const config = struct(
  'otlphttpexporter.Config',
  'Where to send and how.',
  {
    timeout: duration('Time limit of each attempt to send; 0 means none.', '30s'),
    compression: oneOf('How bodies are compressed.', COMPRESSIONS, 'gzip', unsupportedCompression),
    write_buffer_size: bufferSize(WRITE_BUFFER),
    traces_endpoint: string('URL for traces; unless set, endpoint with /v1/traces.'),
    metrics_endpoint: string('URL for metrics; unless set, endpoint with /v1/metrics.'),
    logs_endpoint: string('URL for logs; unless set, endpoint with /v1/logs.'),
    profiles_endpoint: string('URL for profiles, which are not sent.'),
    encoding: oneOf('Encoding of bodies.', ['proto', 'json'], 'proto', (found) => `invalid encoding type: ${found}`, {
      nullIsEmpty: true,
    }),
    sending_queue: sendingQueue(),
    retry_on_failure: retry,
  },
  {
    embed: [httpClient],
    validate(value, path, report) {
      const endpoints = [
        value.endpoint,
        value.traces_endpoint,
        value.metrics_endpoint,
        value.logs_endpoint,
        value.profiles_endpoint,
      ];
      if (endpoints.every((endpoint) => endpoint === '')) report(path, 'at least one endpoint must be specified');
    },
  },
);
export type Config = Infer<typeof config>;
