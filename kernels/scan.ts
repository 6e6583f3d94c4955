// The scan of core/otlp/scan/walk.ts over linear memory, line by line the same decisions. The host writes the tables
// of core/otlp/scan/table.ts to the addresses exported here and a request to `input`.

const REFUSE: u32 = 0;
const VARINT: u32 = 1;
const FIXED64: u32 = 2;
const FIXED32: u32 = 3;
const BYTES: u32 = 4;
const TRACE_ID: u32 = 5;
const SPAN_ID: u32 = 6;
const PACKED_FIXED64: u32 = 7;
const KEY_VALUE: u32 = 9;
const MESSAGE: u32 = 0x40;
const ITEM: u32 = 0x80;
const REPLACES: u32 = 0xc0;
const KIND_MASK: u32 = 0x3f;

/** As in core/otlp/nesting.ts. */
const MAX_NESTING: i32 = 1000;
const LONGEST_VARINT: usize = 10;
const LEGACY_SCOPES_FIELD: u64 = 1000;
const LARGEST_FIELD: u64 = 0x1fffffff;

/** The result for a request that the host has to look at: refused, or with scope groups of old versions. */
const LEAVE_TO_HOST: i32 = -1;
/** A position that is beyond the end of every message. */
const BEYOND: usize = 0xffff0000;

const KINDS: i32 = 64;
const TABLE: usize = memory.data(KINDS * 256);
const LEGACY_SCOPES_ACTIONS: usize = memory.data(KINDS);
const UNKNOWN_ACTIONS: usize = memory.data(8);
/** The first 64 KiB hold the tables and the stack; requests are written behind them. */
const INPUT: usize = 0x10000;

export function table(): usize {
  return TABLE;
}
export function kinds(): i32 {
  return KINDS;
}
export function legacyScopesActions(): usize {
  return LEGACY_SCOPES_ACTIONS;
}
export function unknownActions(): usize {
  return UNKNOWN_ACTIONS;
}
/** Kinds are numbered by the schema, which the host knows. */
export function setKeyValueKind(kind: u32): void {
  keyValueKind = kind;
}
export function input(): usize {
  return INPUT;
}

let keyValueKind: u32 = 0;

let items: i32 = 0;
let next: usize = 0;

/** The number of items in the request of `length` bytes at `input`, whose kind is `kind`, or LEAVE_TO_HOST. */
export function scan(length: usize, kind: u32): i32 {
  items = 0;
  // what is read past the end of the request must not look like a varint that goes on
  store<u64>(INPUT + length, 0);
  store<u64>(INPUT + length + 8, 0);
  return walk(INPUT, INPUT + length, kind, 1) ? items : LEAVE_TO_HOST;
}

function walk(start: usize, end: usize, kind: u32, depth: i32): bool {
  if (depth > MAX_NESTING) return false;
  const row = TABLE + ((<usize>kind) << 8);
  const itemsBefore = items;
  let position = start;
  while (position < end) {
    const tag = <u32>load<u8>(position++);
    let action = <u32>load<u8>(row + tag);
    if (tag > 0x7f) {
      action = actionOfLongTag(position - 1, row, kind);
      position = next;
    }
    switch (action) {
      case VARINT:
        position = pastVarint(position);
        break;
      case FIXED64:
        position += 8;
        break;
      case FIXED32:
        position += 4;
        break;
      case REFUSE:
        return false;
      default: {
        let length = <usize>load<u8>(position++);
        if (length > 0x7f) {
          const second = <usize>load<u8>(position++);
          if (second < 0x80) length = (length & 0x7f) | (second << 7);
          else {
            const long = readVarint(position - 2);
            position = next;
            if (long > 0x7fffffff) return false;
            length = <usize>long;
          }
        }
        const from = position;
        position += length;
        if (position > end) return false;
        if (action === BYTES) break;
        if (action === KEY_VALUE) {
          if (!isPlainKeyValue(from, position) && !walk(from, position, keyValueKind, depth + 1)) return false;
        } else if (action < MESSAGE) {
          if (!isLeaf(from, position, action)) return false;
        } else {
          if (action >= REPLACES) items = itemsBefore;
          else if (action >= ITEM) items++;
          if (!walk(from, position, action & KIND_MASK, depth + 1)) return false;
        }
      }
    }
  }
  return position === end;
}

/** See the function of this name in walk.ts. */
function isPlainKeyValue(start: usize, end: usize): bool {
  const head = <u32>load<u16>(start);
  if ((head & 0x80ff) !== 0x0a) return false;
  const at = start + 2 + (head >> 8);
  if (at + 2 > end) return false;
  const middle = <u32>load<u16>(at);
  const valueLength = middle >> 8;
  if ((middle & 0x80ff) !== 0x12 || at + 2 + valueLength !== end) return false;
  switch (<u32>load<u8>(at + 2)) {
    case 0x0a:
      return <u32>load<u8>(at + 3) === valueLength - 2;
    case 0x10:
    case 0x18:
      return valueLength > 1 && valueLength <= 1 + <u32>LONGEST_VARINT && pastVarint(at + 3) === end;
    case 0x21:
      return valueLength === 9;
  }
  return false;
}

function isLeaf(start: usize, end: usize, action: u32): bool {
  const length = end - start;
  if (action === TRACE_ID) return length === 16 || length === 0;
  if (action === SPAN_ID) return length === 8 || length === 0;
  if (action === PACKED_FIXED64) return (length & 7) === 0;
  let position = start;
  while (position < end) position = pastVarint(position);
  return position === end;
}

function actionOfLongTag(at: usize, row: usize, kind: u32): u32 {
  const tag = readVarint(at);
  const field = tag >> 3;
  if (field > LARGEST_FIELD) return REFUSE;
  if (tag <= 0xff) return load<u8>(row + <usize>tag);
  if (field === LEGACY_SCOPES_FIELD && load<u8>(LEGACY_SCOPES_ACTIONS + kind) !== 0) return REFUSE;
  return load<u8>(UNKNOWN_ACTIONS + <usize>(tag & 7));
}

/** BEYOND for a varint that is too long. */
function pastVarint(start: usize): usize {
  let position = start;
  while (load<u8>(position++) > 0x7f) {}
  return position - start > LONGEST_VARINT ? BEYOND : position;
}

/** The largest number for a varint that is too long or has more than 64 bits. */
function readVarint(at: usize): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  let byte: u64;
  do {
    byte = load<u8>(at++);
    if (shift > 63 || (shift === 63 && byte > 1)) return u64.MAX_VALUE;
    value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte > 0x7f);
  next = at;
  return value;
}
