/** One insert: the pieces of `body`, one after the other, are the rows in `format`. */
export interface Insert {
  readonly database: string;
  readonly table: string;
  /** The columns that the rows have, in this order; the others get their defaults. */
  readonly columns: readonly string[];
  /** `RowBinary`, `Native`, `JSONEachRow`… */
  readonly format: string;
  readonly body: readonly Uint8Array[];
  readonly rows: number;
  /** Names what is inserted: the same token again stores nothing twice. */
  readonly token?: string;
  readonly settings?: QuerySettings;
  /** Ends the attempt; whether the rows were stored is then unknown. */
  readonly abort?: AbortSignal | undefined;
}

/** A statement that answers with rows. */
export interface Query {
  readonly sql: string;
  readonly format: string;
  /** Values of the `{name:Type}` in the statement, as text. */
  readonly params?: Readonly<Record<string, string>>;
  /** `readonly` is `1` unless it is set here. */
  readonly settings?: QuerySettings;
}

/** Settings of the engine for one statement, by name. */
export type QuerySettings = Readonly<Record<string, string>>;

/** One ClickHouse: a server over HTTP, or the engine in this process. What fails rejects with a ClickHouseError. */
export interface ClickHouse {
  /** Runs one statement that returns no rows. */
  command(sql: string, settings?: QuerySettings): Promise<void>;
  /** Resolves once the engine has stored the rows. */
  insert(insert: Insert): Promise<void>;
  /** Streams the answer as bytes of `format`; leaving the loop early ends the query. */
  query(query: Query): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
