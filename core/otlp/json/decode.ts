import type { Signal } from '../../signal.ts';
import { slabs } from '../../telemetry/slab.ts';
import type { ByteRange } from '../../telemetry/telemetry.ts';
import { MAX_NESTING } from '../nesting.ts';
import { EXPORT_REQUEST, type MessageSchema } from '../schema.ts';
import { JsonError, ScanFailure } from './error.ts';
import { countItems, normalise } from './normalise.ts';
import { type FieldPlan, type MessagePlan, planOf } from './plan.ts';
import { Scanner } from './scanner.ts';
import { skipValue } from './skip.ts';
import { LIST, LIST_GOES_ON, OBJECT, OBJECT_GOES_ON, Structure } from './structure.ts';
import { writeField, writeNumber } from './values.ts';
import { ProtoWriter } from './writer.ts';

/** An export request in protobuf: a run of ResourceSpans, ResourceMetrics or ResourceLogs. */
export interface DecodedRequest {
  /** Lies in a slab and holds a reference to it, which goes on to the batch that is made of it. */
  readonly range: ByteRange;
  /** The bytes of the range, for those who have no batch in mind. They stay as long as nobody releases the slab. */
  readonly bytes: Buffer;
  /** Spans, data points or log records. */
  readonly items: number;
}

/**
 * An OTLP/JSON export request as protobuf. Accepts and refuses what the collector does: names in lowerCamelCase and
 * snake_case, 64-bit integers as numbers and strings, enums as numbers and names, null for messages, lists and strings;
 * unknown fields and whatever follows the request are passed over. Of a key given twice the last value counts, lists
 * and messages are merged. Throws JsonError.
 */
export function decodeJson(signal: Signal, json: Buffer): DecodedRequest {
  return new Decoder(json).decode(planOf(EXPORT_REQUEST[signal]));
}

/** Any other message, by the same rules, in a buffer of its own. */
export function transcodeJson(schema: MessageSchema, json: Buffer): Buffer {
  const { range, bytes } = new Decoder(json).decode(planOf(schema));
  const own = Buffer.from(bytes);
  range.slab?.release();
  return own;
}

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

/** Written to before the result is copied to where it stays. Larger ones are not kept. */
const SCRATCH_SIZE = 1 << 18;
const MAX_SCRATCH = 4 << 20;
const NO_ELEMENT = -1;
let scratch: ProtoWriter | undefined = new ProtoWriter(SCRATCH_SIZE);

class Decoder {
  readonly #in: Scanner;
  readonly #out: ProtoWriter;
  readonly #structure: Structure;
  #depth = 0;
  #items = 0;
  /** Items were counted that are no longer there. */
  #recount = false;
  /** For messages of errors: what is being read at each depth, and which element of it. */
  readonly #fields: (FieldPlan | undefined)[] = [];
  readonly #elements: number[] = [];

  constructor(json: Buffer) {
    this.#in = new Scanner(json);
    this.#structure = new Structure(this.#in);
    this.#out = scratch ?? new ProtoWriter(SCRATCH_SIZE);
    this.#out.length = 0;
    this.#out.moved = 0;
    scratch = undefined;
  }

  decode(plan: MessagePlan): DecodedRequest {
    const out = this.#out;
    try {
      this.#message(plan, false);
      const { slab, start } = slabs.allocate(out.length);
      const end = start + out.length;
      out.bytes.copy(slab.buffer, start, 0, out.length);
      const bytes = slab.buffer.subarray(start, end);
      const items = this.#recount ? countItems(plan.schema, bytes) : this.#items;
      return { range: { buffer: slab.buffer, start, end, slab }, bytes, items };
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
    if (depth >= MAX_NESTING) throw this.#in.failure(`more than ${MAX_NESTING} levels of messages`);
    const structure = this.#structure;
    let seen = 0;
    let irregular = false;
    for (let more = structure.nextField(OBJECT); more; more = structure.nextField(OBJECT_GOES_ON)) {
      const field = plan.find(structure.name, structure.nameStart, structure.nameEnd, structure.nameHash);
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

  #list(field: FieldPlan, depth: number): void {
    for (let index = 0; this.#structure.nextElement(index === 0 ? LIST : LIST_GOES_ON); index++) {
      this.#elements[depth] = index;
      this.#reserve();
      this.#single(field, true);
    }
    this.#elements[depth] = NO_ELEMENT;
  }

  #packed(field: FieldPlan, depth: number): void {
    if (!this.#structure.nextElement(LIST)) return;
    const out = this.#out;
    out.varint(field.tag);
    const start = out.open(1);
    let index = 0;
    do {
      this.#elements[depth] = index++;
      this.#reserve();
      writeNumber(this.#in, out, field.kind);
    } while (this.#structure.nextElement(LIST_GOES_ON));
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
