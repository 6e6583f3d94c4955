// One list of attributes, edited by a program: what core/otlp/edit/attribute-editor.ts and the steps of core/attraction
// do, for the common actions. The layout of a program is in core/attraction/program.ts.

import { hashed, hashValue } from './hash';
import { after, copyLoosely, lengthSize, readLength, writeLength } from './wire';

/** Operations, as in core/attraction/program.ts. */
const SET: u32 = 0;
const SET_FROM: u32 = 1;
const DELETE: u32 = 2;
/** An operation is so many 32-bit numbers; places are counted from the beginning of the program. */
const OPERATION_SIZE: usize = 40;
const INSERTS: u32 = 1;
const UPDATES: u32 = 2;

const SOURCE: u32 = 0;
const REPLACED: u32 = 1;
const ADDED: u32 = 2;
const REMOVED: u32 = 3;

const PROGRAM_SIZE: i32 = 8192;
const PROGRAM: usize = memory.data(PROGRAM_SIZE);
const MOST_ENTRIES: usize = 128;
const ENTRY_SIZE: usize = 36;
const ENTRIES: usize = memory.data(<i32>(128 * 36));
/** What is put in for the list that is edited: values that are hashed or copied. */
const SCRATCH_SIZE: usize = 8192;
const SCRATCH: usize = memory.data(8192);

export function program(): usize {
  return PROGRAM;
}
export function programSize(): i32 {
  return PROGRAM_SIZE;
}

// An entry, in 32-bit numbers: state, the field in the source (start, end), key (start, end), value (start, end), and
// the field that takes its place (start, end).

let count: usize = 0;
let scratch: usize = 0;
/** How much longer the list has become. */
export let growth: isize = 0;

/** Begins a list without entries. */
export function begin(): void {
  count = 0;
  scratch = SCRATCH;
  growth = 0;
}

/** Takes up the KeyValue in the field `[field, end)` with its message from `start`; false for one that is not plain. */
export function addEntry(field: usize, start: usize, end: usize): bool {
  // nearly all are a short key and then a short value
  const head = <usize>load<u16>(start);
  const keyEnd = start + 2 + (head >> 8);
  if ((head & 0x80ff) !== 0x0a || keyEnd + 2 > end) return addOddEntry(field, start, end);
  const middle = <usize>load<u16>(keyEnd);
  if ((middle & 0x80ff) !== 0x12 || keyEnd + 2 + (middle >> 8) !== end) return addOddEntry(field, start, end);
  return addSource(field, end, start + 2, keyEnd, keyEnd + 2);
}

function addOddEntry(field: usize, start: usize, end: usize): bool {
  let keyStart = start;
  let keyEnd = start;
  if (start < end && load<u8>(start) === 0x0a) {
    const keyLength = readLength(start + 1);
    keyStart = after();
    keyEnd = keyStart + keyLength;
  }
  if (keyEnd === end) return addSource(field, end, keyStart, keyEnd, end);
  if (load<u8>(keyEnd) !== 0x12) return false;
  const valueLength = readLength(keyEnd + 1);
  const valueStart = after();
  return valueStart + valueLength === end && addSource(field, end, keyStart, keyEnd, valueStart);
}

function addSource(field: usize, end: usize, keyStart: usize, keyEnd: usize, valueStart: usize): bool {
  if (count === MOST_ENTRIES) return false;
  const entry = ENTRIES + count * ENTRY_SIZE;
  store<u32>(entry, SOURCE);
  store<u32>(entry, <u32>field, 4);
  store<u32>(entry, <u32>end, 8);
  store<u32>(entry, <u32>keyStart, 12);
  store<u32>(entry, <u32>keyEnd, 16);
  store<u32>(entry, <u32>valueStart, 20);
  store<u32>(entry, <u32>end, 24);
  count++;
  return true;
}

/** Runs the program of so many operations; false where it cannot. */
export function run(operations: i32, tag: u32): bool {
  let operation = PROGRAM;
  for (let i = 0; i < operations; i++, operation += OPERATION_SIZE) {
    const kind = load<u32>(operation);
    const index = find(operation, 8);
    if (kind === DELETE) {
      if (index >= 0) remove(<usize>index);
    } else if (kind === SET || kind === SET_FROM) {
      if (!set(operation, index, kind, tag)) return false;
    } else if (index >= 0 && !hash(<usize>index, tag)) return false;
  }
  return true;
}

/** The index of the entry whose key the operation has at this place, or -1. */
function find(operation: usize, place: usize): i32 {
  const key = PROGRAM + load<u32>(operation + place);
  const length = load<u32>(operation + place, 4);
  let entry = ENTRIES;
  for (let i: usize = 0; i < count; i++, entry += ENTRY_SIZE) {
    const start = load<u32>(entry, 12);
    if (load<u32>(entry, 16) - start !== length || load<u32>(entry) === REMOVED) continue;
    if (same(<usize>start, key, <usize>length)) return <i32>i;
  }
  return -1;
}

function same(a: usize, b: usize, length: usize): bool {
  // keys of one length often begin alike (http.…), so they are compared from the end
  for (let i = length; i > 0; i--) if (load<u8>(a + i - 1) !== load<u8>(b + i - 1)) return false;
  return true;
}

function sizeNow(entry: usize): u32 {
  const state = load<u32>(entry);
  if (state === REMOVED) return 0;
  return state === SOURCE ? load<u32>(entry, 8) - load<u32>(entry, 4) : load<u32>(entry, 32) - load<u32>(entry, 28);
}

function remove(index: usize): void {
  const entry = ENTRIES + index * ENTRY_SIZE;
  growth -= <isize>sizeNow(entry);
  // one that was added has no place in the source
  if (load<u32>(entry) === ADDED) store<u32>(entry, 0, 4);
  store<u32>(entry, REMOVED);
}

/** Puts the field `[field, end)`, whose key and value end where they are said to, in the place of an entry. */
function put(index: i32, field: usize, key: usize, keyEnd: usize, value: usize, end: usize): bool {
  let entry: usize;
  if (index < 0) {
    if (count === MOST_ENTRIES) return false;
    entry = ENTRIES + count++ * ENTRY_SIZE;
    store<u32>(entry, ADDED);
    store<u32>(entry, 0, 4);
  } else {
    entry = ENTRIES + <usize>index * ENTRY_SIZE;
    growth -= <isize>sizeNow(entry);
    if (load<u32>(entry) === SOURCE) store<u32>(entry, REPLACED);
  }
  store<u32>(entry, <u32>key, 12);
  store<u32>(entry, <u32>keyEnd, 16);
  store<u32>(entry, <u32>value, 20);
  store<u32>(entry, <u32>end, 24);
  store<u32>(entry, <u32>field, 28);
  store<u32>(entry, <u32>end, 32);
  growth += <isize>(end - field);
  return true;
}

function set(operation: usize, index: i32, kind: u32, tag: u32): bool {
  const flags = load<u32>(operation, 4);
  if ((flags & (index < 0 ? INSERTS : UPDATES)) === 0) return true;
  if (kind === SET_FROM) {
    const source = find(operation, 16);
    if (source >= 0) {
      const entry = ENTRIES + <usize>source * ENTRY_SIZE;
      const key = PROGRAM + load<u32>(operation, 8);
      return write(index, tag, key, load<u32>(operation, 12), load<u32>(entry, 20), load<u32>(entry, 24));
    }
  }
  // a field of its own, made by the host: its end, its key and its value
  const field = load<u32>(operation, 24);
  if (field === 0) return true;
  const end = PROGRAM + load<u32>(operation, 28);
  const key = PROGRAM + load<u32>(operation, 32);
  const keyEnd = key + load<u32>(operation, 12);
  return put(index, PROGRAM + field, key, keyEnd, PROGRAM + load<u32>(operation, 36), end);
}

/** Writes a KeyValue to the scratch memory and puts it in the place of an entry. */
function write(index: i32, tag: u32, key: usize, keyLength: usize, value: usize, valueEnd: usize): bool {
  const valueLength = valueEnd - value;
  const length = 2 + lengthSize(keyLength) + keyLength + lengthSize(valueLength) + valueLength;
  if (scratch + length + 16 > SCRATCH + SCRATCH_SIZE) return false;
  const field = scratch;
  let position = writeLength(field, tag);
  position = writeLength(position, length);
  store<u8>(position++, 0x0a);
  position = writeLength(position, keyLength);
  const newKey = position;
  copyLoosely(position, key, keyLength);
  position += keyLength;
  store<u8>(position++, 0x12);
  position = writeLength(position, valueLength);
  copyLoosely(position, value, valueLength);
  scratch = position + valueLength;
  return put(index, field, newKey, newKey + keyLength, position, scratch);
}

/** Puts the hash of its value in the place of an entry's value; false for a value that is left to the host. */
function hash(index: usize, tag: u32): bool {
  const entry = ENTRIES + index * ENTRY_SIZE;
  const end = hashValue(load<u32>(entry, 20), load<u32>(entry, 24));
  if (end === 0) return false;
  const key = <usize>load<u32>(entry, 12);
  return write(<i32>index, tag, key, load<u32>(entry, 16) - key, hashed(), end);
}

/** Copies the message `[from, end)` with the list as it is now to `target`; returns the end of what was written. */
export function writeMessage(from: usize, end: usize, target: usize): usize {
  let entry = ENTRIES;
  for (let i: usize = 0; i < count; i++, entry += ENTRY_SIZE) {
    const field = <usize>load<u32>(entry, 4);
    if (field === 0 || load<u32>(entry) === SOURCE) continue;
    copyLoosely(target, from, field - from);
    target += field - from;
    from = load<u32>(entry, 8);
    if (load<u32>(entry) === REPLACED) target = copyPatch(entry, target);
  }
  copyLoosely(target, from, end - from);
  target += end - from;
  for (entry = ENTRIES; entry < ENTRIES + count * ENTRY_SIZE; entry += ENTRY_SIZE) {
    if (load<u32>(entry) === ADDED) target = copyPatch(entry, target);
  }
  return target;
}

function copyPatch(entry: usize, target: usize): usize {
  const start = <usize>load<u32>(entry, 28);
  const length = <usize>load<u32>(entry, 32) - start;
  copyLoosely(target, start, length);
  return target + length;
}

/** Whether the program changed anything. */
export function changed(): bool {
  let entry = ENTRIES;
  for (let i: usize = 0; i < count; i++, entry += ENTRY_SIZE) {
    const state = load<u32>(entry);
    if (state !== SOURCE && (state !== REMOVED || load<u32>(entry, 4) !== 0)) return true;
  }
  return false;
}
