// The hash of an AnyValue as an AnyValue, as core/attraction/hash.ts has it.

import { writeSha256 } from './sha256';
import { after, pastValue, readLength, readVarint64 } from './wire';

const DIGEST: usize = 64;
/** An encoded text: tag, length, digits. */
const RESULT: usize = memory.data(66);
/** A number that is hashed. */
const NUMBER: usize = memory.data(8);

/** Where `hashValue` put its result. */
export function hashed(): usize {
  return RESULT;
}

/** Hashes the AnyValue in `[value, end)`; returns the end of the result, or 0 for a value that is left to the host. */
export function hashValue(value: usize, end: usize): usize {
  if (value === end) return result(0);
  const kind = <u32>load<u8>(value);
  if (pastValue(value + 1, kind) !== end) return 0;
  let start = NUMBER;
  let length: usize = 8;
  switch (kind) {
    case 0x0a:
      length = readLength(value + 1);
      start = after();
      break;
    case 0x10:
      // a boolean of several bytes is nothing anybody writes
      if (end !== value + 2) return 0;
      store<u8>(NUMBER, load<u8>(value + 1) !== 0 ? 1 : 0);
      length = 1;
      break;
    case 0x18:
      store<u64>(NUMBER, readVarint64(value + 1));
      break;
    case 0x21:
      start = value + 1;
      break;
    case 0x2a:
    case 0x32:
    case 0x3a:
      return result(0);
    default:
      return 0;
  }
  writeSha256(start, start + length, RESULT + 2);
  return result(DIGEST);
}

function result(length: usize): usize {
  store<u8>(RESULT, 0x0a);
  store<u8>(RESULT + 1, <u8>length);
  return RESULT + 2 + length;
}
