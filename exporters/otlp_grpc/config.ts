import { type Infer, oneOf, string, struct } from '../../core/config/fields.ts';
import { bufferSize, COMPRESSIONS, unsupportedCompression } from '../../core/config/sections/common.ts';
import { grpcClient } from '../../core/config/sections/grpc-client.ts';
import { sendingQueue } from '../../core/config/sections/queue.ts';
import { retry } from '../../core/config/sections/retry.ts';
import { timeout } from '../../core/config/sections/timeout.ts';

/** The collector's; the key is accepted, our writes have a size of their own. */
const WRITE_BUFFER = 512 * 1024;

export const config = struct(
  'otlpexporter.Config',
  'Where to send and how.',
  {
    endpoint: string('host:port to send to. http:// means plain text, https:// TLS; dns:/// and unix:// are known.'),
    compression: oneOf(
      'How messages are compressed: gzip, snappy, zstd or none.',
      COMPRESSIONS,
      'gzip',
      unsupportedCompression,
    ),
    write_buffer_size: bufferSize(WRITE_BUFFER),
    sending_queue: sendingQueue(),
    retry_on_failure: retry,
  },
  {
    embed: [timeout, grpcClient],
    validate(value, path, report) {
      if (value.endpoint.replace(/^(https?:\/\/|dns:\/\/\/?)/, '') === '')
        report(path, 'requires a non-empty "endpoint"');
    },
  },
);
export type Config = Infer<typeof config>;
