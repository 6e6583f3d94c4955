import { crc32c } from './crc32c.ts';
import { DecompressError } from './error.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { snappyDecode, snappyEncode } from './snappy.ts';

/**
 * Snappy framing format, https://github.com/google/snappy/blob/main/framing_format.txt
 *
 *   stream = chunk*, the first a stream identifier
 *   chunk  = type byte, length (3 bytes, little-endian), that many bytes
 *     0xff       stream identifier: "sNaPpY"
 *     0x00       masked CRC-32C of the data (4 bytes, little-endian), a snappy block
 *     0x01       masked CRC-32C of the data, the data as it is
 *     0x80..0xfe skipped; 0x02..0x7f an error
 */
const IDENTIFIER = Buffer.from([0xff, 0x06, 0x00, 0x00, ...Buffer.from('sNaPpY')]);
const CHUNK_HEADER = 4;
const CHECKSUM = 4;
/** Of one chunk, uncompressed; the format's limit. */
const MAX_CHUNK = 65536;

const corrupt = (): DecompressError => new DecompressError('snappy: corrupt input');

function maskedChecksum(data: Buffer, start: number, end: number): number {
  const crc = crc32c(data, start, end);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

export function isSnappyFramed(b: Buffer): boolean {
  return b.length >= IDENTIFIER.length && b.compare(IDENTIFIER, 0, IDENTIFIER.length, 0, IDENTIFIER.length) === 0;
}

export function snappyFramedDecode(b: Buffer, limit: number): Buffer {
  if (b.length > 0 && !isSnappyFramed(b)) throw corrupt();
  const out = new GrowingBuffer(limit);
  let at = 0;
  while (at < b.length) {
    if (at + CHUNK_HEADER > b.length) throw corrupt();
    const type = b[at] as number;
    const start = at + CHUNK_HEADER;
    const end = start + b.readUIntLE(at + 1, 3);
    if (end > b.length) throw corrupt();
    if (type === 0 || type === 1) decodeChunk(b, type, start, end, out, limit);
    else if (type < 0x80) throw new DecompressError('snappy: unsupported input');
    at = end;
  }
  return out.bytes();
}

function decodeChunk(b: Buffer, type: 0 | 1, start: number, end: number, out: GrowingBuffer, limit: number): void {
  if (end - start < CHECKSUM) throw corrupt();
  const body = b.subarray(start + CHECKSUM, end);
  const data = type === 1 ? body : snappyDecode(body, limit);
  if (data.length > MAX_CHUNK || maskedChecksum(data, 0, data.length) !== b.readUInt32LE(start)) throw corrupt();
  out.append(data, 0, data.length);
}

export function snappyFramedEncode(input: Buffer): Buffer {
  const chunks: Buffer[] = [IDENTIFIER];
  for (let start = 0; start < input.length; start += MAX_CHUNK) {
    const data = input.subarray(start, start + MAX_CHUNK);
    const block = snappyEncode(data);
    const shrinks = block.length < data.length;
    const body = shrinks ? block : data;
    const header = Buffer.allocUnsafe(CHUNK_HEADER + CHECKSUM);
    header[0] = shrinks ? 0 : 1;
    header.writeUIntLE(body.length + CHECKSUM, 1, 3);
    header.writeUInt32LE(maskedChecksum(data, 0, data.length), CHUNK_HEADER);
    chunks.push(header, body);
  }
  return Buffer.concat(chunks);
}
