import type { Signal } from '../../signal.ts';
import { EXPORT_REQUEST, type MessageSchema } from '../schema.ts';
import { Char } from './chars.ts';
import { JsonError, ScanFailure } from './error.ts';
import { countItems, normalise } from './normalise.ts';
import { type FieldPlan, hashName, type MessagePlan, planOf } from './plan.ts';
import { Scanner } from './scanner.ts';
import { skipValue } from './skip.ts';
import { writeField, writeNumber } from './values.ts';
import { ProtoWriter } from './writer.ts';

/** An export request in protobuf: a run of ResourceSpans, ResourceMetrics or ResourceLogs. */
export interface DecodedRequest {
  /** Memory of its own. */
  readonly bytes: Buffer;
  /** Spans, data points or log records. */
  readonly items: number;
}

/**
 * An OTLP/JSON export request as protobuf. Accepts and refuses what the collector does: names in lowerCamelCase and
 * snake_case, 64-bit integers as numbers and strings, enums as numbers and names, null for messages, lists and strings;
 * unknown fields and whatever follows the request are passed over. Of a key given twice the last value counts, lists and
 * messages are merged. Throws JsonError.
 */
export function decodeJson(signal: Signal, json: Buffer): DecodedRequest {
  return new Decoder(json).decode(planOf(EXPORT_REQUEST[signal]));
}

/** Any other message of the schema, by the same rules. */
export function transcodeJson(schema: MessageSchema, json: Buffer): Buffer {
  return new Decoder(json).decode(planOf(schema)).bytes;
}

/**
 * Messages inside messages. A list in an attribute takes two levels, a map three; the collector has no limit, but its
 * peers (protobuf implementations) stop at 100 to 10000, and every level takes some of the stack.
 */
const MAX_DEPTH = 1000;

/**
 * Bytes are moved where the length of a message takes another size than was guessed, and where a field is given twice:
 * seldom in what clients send, at every level in a body made to keep us busy. This much, and so many times the size of
 * the body, is the limit; it is a fraction of a second.
 */
const MOVES_FREE = 64 << 20;
const MOVES_PER_BYTE = 8;

/** A path in an error is cut in the middle when it is longer than twice this. */
const HALF_PATH = 150;

/** The largest value that is not a string: a tag of three bytes, a length of five and ten bytes of varint. */
const MAX_SCALAR = 18;

/** Written to before the result is copied to memory of the right size. Larger ones are left to the collector. */
const SCRATCH_SIZE = 1 << 18;
const MAX_SCRATCH = 4 << 20;
const NO_ELEMENT = -1;

const OBJECT = 'an object';
const OBJECT_GOES_ON = 'a comma or }';
const LIST = 'a list';
const LIST_GOES_ON = 'a comma or ]';

let scratch: ProtoWriter | undefined = new ProtoWriter(SCRATCH_SIZE);

class Decoder {
  readonly #in: Scanner;
  readonly #out: ProtoWriter;
  #depth = 0;
  #items = 0;
  /** Items were counted that are no longer there. */
  #recount = false;
  /** For messages of errors: what is being read at each depth, and which element of it. */
  readonly #fields: (FieldPlan | undefined)[] = [];
  readonly #elements: number[] = [];
  /** The name that #key has read: `#name[#nameStart, #nameEnd)`. */
  #name: Buffer;
  #nameStart = 0;
  #nameEnd = 0;
  #nameHash = 0;

  constructor(json: Buffer) {
    this.#in = new Scanner(json);
    this.#name = json;
    this.#out = scratch ?? new ProtoWriter(SCRATCH_SIZE);
    this.#out.length = 0;
    this.#out.moved = 0;
    scratch = undefined;
  }

  decode(plan: MessagePlan): DecodedRequest {
    const out = this.#out;
    try {
      this.#message(plan, false);
      const bytes = Buffer.from(out.bytes.subarray(0, out.length));
      return { bytes, items: this.#recount ? countItems(plan.schema, bytes) : this.#items };
    } catch (error) {
      if (!(error instanceof ScanFailure)) throw error;
      throw new JsonError(error.message, this.#in.bytes, error.offset, this.#path());
    } finally {
      if (out.bytes.length <= MAX_SCRATCH) scratch = out;
    }
  }

  /**
   * The fields of an object, or null for none. `explicit`: the message was begun before, so defaults are written, as
   * they undo what was said then.
   */
  #message(plan: MessagePlan, explicit: boolean): void {
    const out = this.#out;
    const start = out.length;
    const depth = this.#depth++;
    if (depth > MAX_DEPTH) throw this.#in.failure(`more than ${MAX_DEPTH} levels of messages`);
    let seen = 0;
    let irregular = false;
    for (let more = this.#key(OBJECT); more; more = this.#key(OBJECT_GOES_ON)) {
      const field = plan.find(this.#name, this.#nameStart, this.#nameEnd, this.#nameHash);
      this.#fields[depth] = field;
      if (field === undefined) {
        skipValue(this.#in);
        continue;
      }
      this.#reserve();
      const again = (seen & field.bit) !== 0;
      seen |= field.bit;
      if (field.packed) this.#packed(field, depth);
      else if (field.repeated) this.#list(field, depth);
      else this.#single(field, field.presence || again || explicit);
      if (field.replaced || (again && (field.packed || !field.repeated))) irregular = true;
    }
    this.#fields[depth] = undefined;
    this.#depth = depth;
    if (plan.isItem) this.#items++;
    if (irregular) this.#normalise(plan, start);
  }

  /**
   * Reads on to the value of the next field; false when the object is over. The collector's reader keeps no state
   * between fields, hence a comma may come first and a brace between, and an empty name ends the object.
   */
  #key(expected: string): boolean {
    const input = this.#in;
    let char = input.token();
    if (char === Char.COMMA || char === Char.OPEN_BRACE) {
      const first = char === Char.OPEN_BRACE;
      char = input.token();
      if (first && char === Char.CLOSE_BRACE) return false;
      if (char === Char.QUOTE) this.#readName();
      else if (first || char !== Char.LOWER_N) throw input.unexpected('the name of a field');
      else this.#emptyName();
      if (input.token() !== Char.COLON) throw input.unexpected('a colon');
      return this.#nameEnd > this.#nameStart;
    }
    if (char === Char.LOWER_N) input.literal('ull');
    else if (char !== Char.CLOSE_BRACE) throw input.unexpected(expected);
    return false;
  }

  #emptyName(): void {
    this.#in.literal('ull');
    this.#nameEnd = this.#nameStart;
  }

  #readName(): void {
    const input = this.#in;
    const { bytes, position: start, end } = input;
    let hash = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte === Char.QUOTE) {
        this.#name = bytes;
        this.#nameStart = start;
        this.#nameEnd = i;
        this.#nameHash = hash;
        input.position = i + 1;
        return;
      }
      if (byte === Char.BACKSLASH || byte < Char.SPACE) break;
      hash = hashName(hash, byte);
    }
    input.position = start - 1;
    this.#name = Buffer.from(input.string());
    this.#nameStart = 0;
    this.#nameEnd = this.#name.length;
    this.#nameHash = this.#name.reduce(hashName, 0);
  }

  /** Reads on to the next element of a list; false when the list is over. */
  #element(expected: string): boolean {
    const input = this.#in;
    const char = input.token();
    if (char === Char.COMMA) return true;
    if (char === Char.OPEN_BRACKET) {
      if (input.token() === Char.CLOSE_BRACKET) return false;
      input.position--;
      return true;
    }
    if (char === Char.LOWER_N) input.literal('ull');
    else if (char !== Char.CLOSE_BRACKET) throw input.unexpected(expected);
    return false;
  }

  #list(field: FieldPlan, depth: number): void {
    for (let index = 0; this.#element(index === 0 ? LIST : LIST_GOES_ON); index++) {
      this.#elements[depth] = index;
      this.#reserve();
      this.#single(field, true);
    }
    this.#elements[depth] = NO_ELEMENT;
  }

  #packed(field: FieldPlan, depth: number): void {
    if (!this.#element(LIST)) return;
    const out = this.#out;
    out.varint(field.tag);
    const start = out.open(1);
    let index = 0;
    do {
      this.#elements[depth] = index++;
      this.#reserve();
      writeNumber(this.#in, out, field.kind);
    } while (this.#element(LIST_GOES_ON));
    out.close(start, 1);
    this.#elements[depth] = NO_ELEMENT;
  }

  #single(field: FieldPlan, keep: boolean): void {
    const { message } = field;
    const out = this.#out;
    if (message === undefined) {
      writeField(this.#in, out, field, keep);
      return;
    }
    out.varint(field.tag);
    const { lengthSize } = message;
    const start = out.open(lengthSize);
    this.#message(message, keep && !field.repeated && !field.presence);
    message.lengthSize = out.close(start, lengthSize);
    if (out.moved > MOVES_FREE + MOVES_PER_BYTE * this.#in.end) {
      throw this.#in.failure('too many levels of large messages');
    }
  }

  /** Text never becomes longer by decoding it, but a short number can become eight bytes. */
  #reserve(): void {
    this.#out.reserve(this.#in.end - this.#in.position + MAX_SCALAR);
  }

  #normalise(plan: MessagePlan, start: number): void {
    const out = this.#out;
    const bytes = normalise(plan.schema, Buffer.from(out.bytes.subarray(start, out.length)));
    bytes.copy(out.bytes, start);
    out.length = start + bytes.length;
    out.moved += bytes.length;
    this.#recount = true;
  }

  #path(): string {
    let path = '';
    for (let depth = 0; depth < this.#depth; depth++) {
      const field = this.#fields[depth];
      if (field === undefined) break;
      path += `${depth === 0 ? '' : '.'}${field.schema.jsonName}`;
      const element = this.#elements[depth] ?? NO_ELEMENT;
      if (element !== NO_ELEMENT) path += `[${element}]`;
    }
    return path.length <= 2 * HALF_PATH ? path : `${path.slice(0, HALF_PATH)}…${path.slice(-HALF_PATH)}`;
  }
}
