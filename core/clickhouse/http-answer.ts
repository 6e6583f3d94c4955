import type { IncomingMessage } from 'node:http';
import { dialReason } from '../net/dial-error.ts';
import { ClickHouseError } from './error.ts';

/** Of what the server says of an error this much is kept. */
const MAX_ERROR = 16 * 1024;

/**
 * The body of an answer. An error in the middle of it, when its head has long said 200, is found where the server marks
 * it with the tag it announced (`__exception__`), or by a connection that ends too soon.
 */
export async function* answerBytes(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  const tag = answer.headers['x-clickhouse-exception-tag'];
  const marker = typeof tag === 'string' ? Buffer.from(`__exception__\r\n${tag}\r\n`) : undefined;
  let held = Buffer.alloc(0);
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (marker === undefined) {
        yield chunk;
        continue;
      }
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const at = bytes.indexOf(marker);
      if (at >= 0) throw new ClickHouseError(await messageAfter(bytes.subarray(at + marker.length), answer));
      // the marker may lie across two chunks
      const safe = Math.max(0, bytes.length - marker.length + 1);
      if (safe > 0) yield bytes.subarray(0, safe);
      held = Buffer.from(bytes.subarray(safe));
    }
  } catch (error) {
    if (error instanceof ClickHouseError) throw error;
    throw new ClickHouseError(`the answer ended too soon: ${dialReason(error)}`, { cause: error });
  }
  if (held.length > 0) yield held;
}

async function messageAfter(start: Buffer, answer: IncomingMessage): Promise<string> {
  let bytes = start;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (bytes.length < MAX_ERROR) bytes = Buffer.concat([bytes, chunk]);
  }
  // after the message comes its length and the tag again
  const text = bytes.toString('utf8', 0, MAX_ERROR);
  return text.replace(/\r?\n\d+ \S+\r\n__exception__\r\n$/, '').trim();
}

/** The error that an answer with another status than 200 is. */
export async function errorOf(answer: IncomingMessage): Promise<ClickHouseError> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (length < MAX_ERROR) chunks.push(chunk);
      length += chunk.length;
    }
  } catch {
    // a body that ends too soon tells no more, the status is enough
  }
  const status = answer.statusCode ?? 0;
  const text = Buffer.concat(chunks).toString('utf8', 0, MAX_ERROR).trim();
  const code = Number(answer.headers['x-clickhouse-exception-code']);
  const wait = Number(answer.headers['retry-after']);
  return new ClickHouseError(text === '' ? `HTTP status ${status}` : text, {
    status,
    number: Number.isInteger(code) && code > 0 ? code : undefined,
    ...(wait > 0 ? { retryAfterMs: wait * 1000 } : {}),
  });
}
