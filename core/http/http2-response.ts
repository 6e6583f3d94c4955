import { encodeHeaders } from '../http2/hpack-encoder.ts';
import { type HttpResponse, isBodiless } from './response.ts';

interface Block {
  readonly date: string;
  readonly bytes: Buffer;
}

const blocks = new WeakMap<HttpResponse, Block>();

/** The header block of a response, made once a second (it holds the date) for a response that is given again. */
export function headerBlock(response: HttpResponse, date: string): Buffer {
  const known = blocks.get(response);
  if (known?.date === date) return known.bytes;
  const fields: (readonly [string, string])[] = [[':status', String(response.status)]];
  for (const [name, value] of response.headers) fields.push([name.toLowerCase(), value.replace(/[\r\n]/g, ' ').trim()]);
  fields.push(['date', date]);
  if (!isBodiless(response.status)) fields.push(['content-length', String(response.body.length)]);
  const bytes = encodeHeaders(fields);
  blocks.set(response, { date, bytes });
  return bytes;
}
