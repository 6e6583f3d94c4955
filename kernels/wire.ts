// The protobuf wire format as far as it is needed to edit, see core/otlp/wire.ts. What is read has been scanned.

let next: usize = 0;

export function readLength(at: usize): usize {
  let value: usize = 0;
  let shift: usize = 0;
  let byte: usize;
  do {
    byte = <usize>load<u8>(at++);
    value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte > 0x7f && shift < 32);
  next = at;
  return value;
}

/** Where the varint read last ends. */
export function after(): usize {
  return next;
}

export function lengthSize(value: usize): usize {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : 5;
}

export function writeLength(at: usize, value: usize): usize {
  while (value > 0x7f) {
    store<u8>(at++, <u8>(value | 0x80));
    value >>= 7;
  }
  store<u8>(at++, <u8>value);
  return at;
}

/** The end of the value of a field. */
export function pastValue(at: usize, tag: usize): usize {
  switch (<u32>tag & 7) {
    case 2: {
      const short = <usize>load<u8>(at);
      if (short < 0x80) return at + 1 + short;
      const length = readLength(at);
      return next + length;
    }
    case 1:
      return at + 8;
    case 0:
      while (load<u8>(at) > 0x7f) at++;
      return at + 1;
    default:
      return at + 4;
  }
}

export function readVarint64(at: usize): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  let byte: u64;
  do {
    byte = load<u8>(at++);
    value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte > 0x7f);
  return value;
}

/** Longer stretches are for memory.copy, which is a call out of the module. */
const SHORT: usize = 160;

/** Copies so many bytes, and perhaps up to seven more: what lies behind them must not matter yet. */
export function copyLoosely(target: usize, source: usize, length: usize): void {
  if (length > SHORT) {
    memory.copy(target, source, length);
    return;
  }
  const end = target + length;
  for (; target < end; target += 8, source += 8) store<u64>(target, load<u64>(source));
}
