import { createHash } from 'node:crypto';
import type { ClickHouse, Insert, QuerySettings } from '../../core/clickhouse/client.ts';
import { ClickHouseError } from '../../core/clickhouse/error.ts';
import type { Rows } from '../../core/clickhouse/rows/rows.ts';
import { PipelineError } from '../../core/error.ts';
import { PartialFailure } from '../../core/exporter-helper/types.ts';
import { take, takeBytes } from '../../core/otlp/split.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';

/**
 * A larger batch is inserted in pieces of this size, so that no body takes more than some dozens of megabytes, which
 * servers and the proxies before them take, and no insert is so large that the engine makes several blocks of it.
 */
const MAX_PIECE_BYTES = 16 * 1024 * 1024;
/**
 * So many inserts may fail while the rows are looked for that are refused. What is still refused then goes as a whole:
 * a batch in which nearly every row is wrong must not become as many inserts as it has rows.
 */
const MAX_REFUSALS = 256;

interface Destination {
  readonly client: ClickHouse;
  readonly database: string;
  readonly settings: QuerySettings;
  name(table: string): string;
}

/** What is known of a batch from the attempts before. */
interface Progress {
  /** Inserts that are in, and those that were refused, by table and token. */
  readonly stored: Set<string>;
  readonly refused: Map<string, ClickHouseError>;
}

/** The rows of a piece for one table. */
interface Part extends Pick<Insert, 'table' | 'columns' | 'body' | 'rows'> {
  readonly key: string;
}

/**
 * Inserts batches. Pieces and halves of a batch are cut the same way each time, and the token of an insert is made of
 * the bytes in it: whatever is repeated, by us or by a sender, is known again and stored once.
 */
export class Inserter {
  readonly #destination: Destination;
  readonly #rows: Rows;
  readonly #progress = new WeakMap<Telemetry, Progress>();

  constructor(rows: Rows, destination: Destination) {
    this.#rows = rows;
    this.#destination = destination;
  }

  /**
   * Rejects with what may be retried as a whole; what is in by then is not sent again. When all the rest is in, it
   * rejects with a permanent PartialFailure that has what was refused for good.
   */
  async insert(batch: Telemetry, abort: AbortSignal | undefined): Promise<void> {
    const progress = this.#progress.get(batch) ?? { stored: new Set(), refused: new Map() };
    this.#progress.set(batch, progress);
    const refused: Telemetry[] = [];
    let rest: Telemetry | undefined = batch.retain();
    let error: ClickHouseError | undefined;
    try {
      while (rest !== undefined) {
        const parts: { head: Telemetry; rest: Telemetry | undefined } = takeBytes(rest, MAX_PIECE_BYTES);
        rest = parts.rest;
        error = (await this.#insertPiece(parts.head, undefined, { progress, refused, abort })) ?? error;
      }
    } catch (caught) {
      for (const piece of [...refused, ...(rest === undefined ? [] : [rest])]) piece.release();
      throw caught;
    }
    if (error === undefined) return;
    const failed = Telemetry.join(refused);
    const message = `${failed.items} of ${batch.items} rows are refused: ${error.message}`;
    throw new PartialFailure(message, failed, { permanent: true, cause: error });
  }

  /** Gives the last refusal in it. Takes over the reference. */
  async #insertPiece(
    piece: Telemetry,
    only: ReadonlySet<string> | undefined,
    run: { readonly progress: Progress; readonly refused: Telemetry[]; readonly abort: AbortSignal | undefined },
  ): Promise<ClickHouseError | undefined> {
    const { progress, abort } = run;
    const token = tokenOf(piece);
    const parts = this.#partsOf(piece, token, only);
    const outcomes = await Promise.all(parts.map((part) => this.#insertPart(part, token, progress, abort)));
    const errors = outcomes.filter((outcome) => outcome !== undefined);
    const failure = errors.find((error) => !isRefusal(error));
    if (failure !== undefined || errors.length === 0) {
      piece.release();
      if (failure !== undefined) throw failure;
      return undefined;
    }
    const last = errors[0] as ClickHouseError;
    if (piece.items <= 1 || progress.refused.size > MAX_REFUSALS) {
      run.refused.push(piece);
      return last;
    }
    // tables that took their rows are left out from here on
    const tables = new Set(parts.filter((_, i) => outcomes[i] !== undefined).map(({ table }) => table));
    const { head, rest } = take(piece, Math.ceil(piece.items / 2));
    const first = await this.#insertPiece(head, tables, run);
    const second = rest === undefined ? undefined : await this.#insertPiece(rest, tables, run);
    return second ?? first;
  }

  #partsOf(piece: Telemetry, token: string, only: ReadonlySet<string> | undefined): Part[] {
    const parts: Part[] = [];
    try {
      this.#rows.append(piece);
      for (const { table: kind, block } of this.#rows.blocks) {
        const table = this.#destination.name(kind);
        const { rows, names: columns } = block;
        if (rows === 0 || only?.has(table) === false) continue;
        parts.push({ table, columns, rows, body: [block.take()], key: `${table}/${token}` });
      }
    } finally {
      for (const { block } of this.#rows.blocks) block.clear();
    }
    return parts;
  }

  /** Undefined when the rows are in. */
  async #insertPart(
    part: Part,
    token: string,
    { stored, refused }: Progress,
    abort: AbortSignal | undefined,
  ): Promise<PipelineError | undefined> {
    if (stored.has(part.key)) return undefined;
    const known = refused.get(part.key);
    if (known !== undefined) return known;
    const { client, database, settings } = this.#destination;
    const { table, columns, rows, body } = part;
    try {
      await client.insert({ database, table, columns, rows, body, format: 'Native', token, settings, abort });
      stored.add(part.key);
      return undefined;
    } catch (caught) {
      const error = PipelineError.from(caught);
      if (isRefusal(error)) refused.set(part.key, error);
      return error;
    }
  }
}

/** An error that may be gone with fewer rows. */
function isRefusal(error: PipelineError): error is ClickHouseError {
  return error instanceof ClickHouseError && error.verdict === 'rows';
}

/** The same for the same bytes, wherever and whenever they are inserted. */
function tokenOf({ ranges }: Telemetry): string {
  const hash = createHash('sha256');
  for (const { buffer, start, end } of ranges) hash.update(buffer.subarray(start, end));
  return hash.digest('hex').slice(0, 32);
}
