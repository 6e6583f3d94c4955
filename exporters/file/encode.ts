import { compressor } from '../../core/compression/compress.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';

/** One message of the file, with its framing, in memory of its own. */
export type Encode = (batch: Telemetry) => Buffer | Promise<Buffer>;

/** What zstd itself takes where no level is set. */
const DEFAULT_ZSTD_LEVEL = 3;
const NEWLINE = Buffer.from('\n');

/**
 * JSON is a line a batch. Binary messages, and everything compressed, follow their length in four bytes, most
 * significant first.
 */
export function encoder(config: Config): Encode {
  const encode = config.format === 'json' ? encodeJson : bytesOf;
  if (config.compression === '') {
    return config.format === 'json'
      ? (batch) => Buffer.concat([encode(batch), NEWLINE])
      : (batch) => framed(encode(batch));
  }
  const compress = compressor(config.compression, config.compression_params.level || DEFAULT_ZSTD_LEVEL);
  return (batch) => {
    const compressed = compress(encode(batch));
    return compressed instanceof Promise ? compressed.then(framed) : framed(compressed);
  };
}

const bytesOf = (batch: Telemetry): Buffer => batch.bytes();

function framed(message: Buffer): Buffer {
  const header = Buffer.allocUnsafe(4);
  header.writeUInt32BE(message.length);
  return Buffer.concat([header, message]);
}
