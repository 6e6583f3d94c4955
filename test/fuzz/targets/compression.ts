import assert from 'node:assert/strict';
import { compressor } from '../../../core/compression/compress.ts';
import { decompress, type Encoding } from '../../../core/compression/decompress.ts';
import { DecompressError } from '../../../core/compression/error.ts';
import { seededRandom } from '../../../core/testing/random-telemetry.ts';
import type { Target } from '../engine.ts';

const LIMIT = 256 << 10;
/**
 * Compressed bytes of the encodings whose code is our own: refused, or expanded within the limit; and what is expanded
 * comes back after packing it again.
 */
export const compression = (name: string): Target => {
  const encoding = name as Encoding;
  return {
    name,
    seeds() {
      const random = seededRandom(1);
      const texts = [
        Buffer.alloc(0),
        Buffer.from('telemetry '.repeat(50)),
        Buffer.alloc(5000, 'ab'),
        Buffer.from(Array.from({ length: 400 }, () => Math.floor(random() * 256))),
        Buffer.concat([Buffer.alloc(70_000, 1), Buffer.from('end')]),
      ];
      return texts.map((text) => compressor(encoding)(text) as Buffer);
    },
    check(input: Buffer) {
      let expanded: Buffer;
      try {
        expanded = decompress(encoding, input, LIMIT) as Buffer;
      } catch (error) {
        if (error instanceof DecompressError) return false;
        throw error;
      }
      assert.ok(expanded.length <= LIMIT, 'over the limit');
      const again = decompress(encoding, compressor(encoding)(expanded) as Buffer, LIMIT) as Buffer;
      assert.ok(again.equals(expanded), 'packed and unpacked again');
      return true;
    },
  };
};
