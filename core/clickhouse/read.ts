import type { ClickHouse } from './client.ts';

/** A row of an answer in the format JSONEachRow. */
export type Row = Readonly<Record<string, unknown>>;

/** The rows of a small answer, such as one from the system tables: all of it is in memory. */
export async function readRows(
  ch: ClickHouse,
  sql: string,
  params: Readonly<Record<string, string>> = {},
): Promise<Row[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of ch.query({ sql, params, format: 'JSONEachRow' })) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8').trimEnd();
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Row);
}
