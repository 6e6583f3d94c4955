import { LONGEST_PREFIX } from '../../otlp/edit/writer.ts';
import type { Output } from '../output.ts';
import type { TextLabels } from '../text.ts';

/** Fields 1 of a series or an exemplar, `{name 1, value 2}` each. */
export function writeLabels(out: Output, labels: TextLabels): void {
  for (const [name, value] of labels) {
    if (writeShort(out, name, value)) continue;
    out.message(1, () => {
      out.text(1, name);
      out.text(2, value);
    });
  }
}

/** What two tags and two lengths of one byte take. */
const FRAME = 4;
/** Also that of a label in a series. */
export const NAME_TAG = (1 << 3) | 2;
export const VALUE_TAG = (2 << 3) | 2;

/**
 * Nearly all labels are short and ASCII: these are written byte by byte, without a call into native code (measured: a
 * third of the time of a point). False where this one is not, and then nothing was written.
 */
function writeShort({ writer }: Output, name: string, value: string): boolean {
  const size = FRAME + name.length + value.length;
  if (size > 127) return false;
  writer.reserve(size + LONGEST_PREFIX);
  const { buffer, length: start } = writer;
  const afterName = writeAscii(buffer, start + 2, NAME_TAG, name);
  const end = afterName < 0 ? -1 : writeAscii(buffer, afterName, VALUE_TAG, value);
  if (end < 0) return false;
  buffer[start] = NAME_TAG;
  buffer[start + 1] = size;
  writer.length = end;
  return true;
}

/** The position after it, or -1 where there is another character. */
function writeAscii(buffer: Buffer, start: number, tag: number, text: string): number {
  buffer[start] = tag;
  buffer[start + 1] = text.length;
  let at = start + 2;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return -1;
    buffer[at++] = code;
  }
  return at;
}
