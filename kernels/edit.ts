// Edits the attributes of all resources, or of all spans or log records, of the request at `input`; what comes out is
// written behind it. What is rare or odd is left to the host, which does the same with core/otlp/edit.

import { addEntry, begin, changed, growth, run, writeMessage } from './attributes';
import { after, copyLoosely, lengthSize, pastValue, readLength, writeLength } from './wire';

/** Tag of resource groups in a request, and of the resource or scope in its group. */
const GROUP: usize = 0x0a;
/** Tag of scope groups, and of items. */
const MEMBER: usize = 0x12;
/** Tag of the scope groups of old versions (field 1000). */
const LEGACY_SCOPES: usize = 8002;
const RESOURCE_ATTRIBUTES: u32 = 0x0a;

const LEAVE_TO_HOST: i32 = -1;
const UNCHANGED: i32 = -2;

let operations: i32 = 0;
/** The tag of the attributes of items; 0 where resources are edited. */
let itemTag: u32 = 0;
let out: usize = 0;
let limit: usize = 0;
let edited: bool = false;
let failed: bool = false;

/**
 * Runs the program on the request in `[start, end)`. Returns the length of what was written at `end`, or UNCHANGED, or
 * LEAVE_TO_HOST.
 */
export function edit(start: usize, end: usize, operationCount: i32, attributesTag: u32): i32 {
  operations = operationCount;
  itemTag = attributesTag;
  out = end;
  limit = (<usize>memory.size()) << 16;
  edited = false;
  failed = false;
  let position = start;
  while (position < end && !failed) {
    const field = position;
    const tag = readLength(position);
    const value = after();
    position = pastValue(value, tag);
    if (tag === GROUP) {
      readLength(value);
      editGroup(after(), position);
    } else copy(field, position);
  }
  if (failed) return LEAVE_TO_HOST;
  return edited ? <i32>(out - end) : UNCHANGED;
}

function room(size: usize): bool {
  if (out + size + 64 <= limit) return true;
  failed = true;
  return false;
}

function copy(from: usize, to: usize): void {
  if (!room(to - from)) return;
  copyLoosely(out, from, to - from);
  out += to - from;
}

/** Begins a message; returns where its content begins. */
function open(tag: usize, expected: usize): usize {
  if (!room(16)) return out;
  out = writeLength(out, tag) + lengthSize(expected);
  return out;
}

function close(start: usize, expected: usize): void {
  const room = lengthSize(expected);
  const length = out - start;
  const size = lengthSize(length);
  if (size !== room) {
    memory.copy(start - room + size, start, length);
    out = out + size - room;
  }
  writeLength(start - room, length);
}

function editGroup(start: usize, end: usize): void {
  const content = open(GROUP, end - start);
  let resources = 0;
  let from = start;
  let position = start;
  while (position < end && !failed) {
    const field = position;
    const tag = readLength(position);
    const value = after();
    position = pastValue(value, tag);
    if (tag === LEGACY_SCOPES) failed = true;
    if (tag === GROUP) resources++;
    if (tag !== (itemTag === 0 ? GROUP : MEMBER)) continue;
    copy(from, field);
    from = position;
    readLength(value);
    if (itemTag === 0) editMessage(GROUP, RESOURCE_ATTRIBUTES, field, after(), position);
    else editScopeGroup(after(), position);
  }
  copy(from, end);
  // a resource that is absent may get attributes, and of several the last one counts
  if (itemTag === 0 && resources !== 1) failed = true;
  if (!failed) close(content, end - start);
}

function editScopeGroup(start: usize, end: usize): void {
  const content = open(MEMBER, end - start);
  let from = start;
  let position = start;
  while (position < end && !failed) {
    const field = position;
    const tag = readLength(position);
    const value = after();
    position = pastValue(value, tag);
    if (tag !== MEMBER) continue;
    copy(from, field);
    from = position;
    readLength(value);
    editMessage(MEMBER, itemTag, field, after(), position);
  }
  copy(from, end);
  if (!failed) close(content, end - start);
}

/** Writes the field `[field, end)`, whose message begins at `start`, with its attributes edited. */
function editMessage(tag: usize, attributesTag: u32, field: usize, start: usize, end: usize): void {
  begin();
  let position = start;
  while (position < end) {
    const at = position;
    let found = <usize>load<u8>(position++);
    if (found > 0x7f) {
      found = readLength(at);
      position = after();
    }
    if (found !== attributesTag) {
      position = pastValue(position, found);
      continue;
    }
    let length = <usize>load<u8>(position++);
    if (length > 0x7f) {
      length = readLength(position - 1);
      position = after();
    }
    position += length;
    if (!addEntry(at, position - length, position)) {
      failed = true;
      return;
    }
  }
  if (!run(operations, attributesTag)) {
    failed = true;
    return;
  }
  if (!changed()) {
    copy(field, end);
    return;
  }
  edited = true;
  const length = <usize>(<isize>(end - start) + growth);
  if (!room(length + 16)) return;
  out = writeLength(out, tag);
  out = writeLength(out, length);
  out = writeMessage(start, end, out);
}
