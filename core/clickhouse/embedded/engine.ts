import { mkdir, rm, writeFile } from 'node:fs/promises';
import { quoteName, quoteText } from '../schema/table.ts';
import { engineConfig, INSERT_SETTINGS, QUERY_SETTINGS } from './engine-config.ts';
import type { CommandRequest, InsertRequest, QueryRequest } from './protocol.ts';

/** What is used of the package `chdb`. */
interface Chdb {
  Session: new (directory: string, options?: { readonly connectionArgs: readonly string[] }) => Session;
  drainPending(): Promise<void>;
}

interface Session {
  query(sql: string, format: string): string;
  queryAsync(sql: string, options: { readonly format: string }): Promise<{ bytes(): Uint8Array }>;
  queryStream(sql: string, options: { readonly format: string }): Stream;
  close(): void;
}

interface Stream extends AsyncIterable<{ raw(): Uint8Array }> {
  cancel(): void;
}

/** Where the bytes of inserts wait for the engine, below the data directory; they do not outlive the insert. */
const INSERTS = 'inserts';
const CONFIG_FILE = 'engine.xml';
/** The package's own name, not a literal type: it is optional, so the compiler must not look for it. */
const PACKAGE: string = 'chdb';

/**
 * The ClickHouse engine in this process, on the working directory. One per process: the library allows no more. Each
 * statement gets a connection of its own (half a millisecond), so settings and parameters of one never reach another.
 */
export class Engine {
  readonly #chdb: Chdb;
  /** Keeps the engine open between statements. */
  readonly #keeper: Session;
  #statements = 0;

  private constructor(chdb: Chdb, keeper: Session) {
    this.#chdb = chdb;
    this.#keeper = keeper;
  }

  /** Opens the store in the working directory. The path of files within it then needs no quoting of any kind. */
  static async open(): Promise<Engine> {
    const chdb = (await import(PACKAGE)) as Chdb;
    await rm(INSERTS, { recursive: true, force: true });
    await mkdir(INSERTS, { mode: 0o700 });
    await writeFile(CONFIG_FILE, engineConfig());
    const session = new chdb.Session(process.cwd(), { connectionArgs: [`--config-file=${CONFIG_FILE}`] });
    return new Engine(chdb, session);
  }

  /** A file for the bytes of an insert; whoever asks removes it. */
  insertFile(): string {
    return `${INSERTS}/${++this.#statements}.bin`;
  }

  /** Inserts the rows that a file holds. */
  async insert(request: InsertRequest, file: string): Promise<void> {
    const { database, table, columns, format, token } = request;
    const settings = {
      ...INSERT_SETTINGS,
      ...request.settings,
      ...(token === undefined ? {} : { insert_deduplication_token: token }),
    };
    const target = `${quoteName(database)}.${quoteName(table)} (${columns.map(quoteName).join(', ')})`;
    await this.#run(`INSERT INTO ${target} FROM INFILE '${file}' FORMAT ${quoteName(format)}`, settings);
  }

  async command({ sql, settings }: CommandRequest): Promise<void> {
    await this.#run(sql, settings);
  }

  async #run(sql: string, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const session = this.#session(settings);
    try {
      await session.queryAsync(sql, { format: 'Null' });
    } finally {
      session.close();
    }
  }

  /** The answer, piece by piece; leaving the loop ends the query. */
  async *query({ sql, format, database, params = {}, settings = {} }: QueryRequest): AsyncGenerator<Uint8Array> {
    const comment = `weir-${++this.#statements}`;
    const { readonly = '1', ...others } = settings;
    const session = this.#session({ ...QUERY_SETTINGS, ...others, log_comment: comment, ...parameters(params) });
    let stream: Stream | undefined;
    let ended = false;
    try {
      if (readonly !== '0') refuseOutfile(sql);
      if (database !== undefined) session.query(`USE ${quoteName(database)}`, 'Null');
      session.query(`SET readonly = ${quoteText(readonly)}`, 'Null');
      stream = openStream(session, sql, format);
      if (stream === undefined) yield (await session.queryAsync(sql, { format })).bytes();
      else for await (const piece of stream) yield piece.raw();
      ended = true;
    } finally {
      if (stream !== undefined && !ended) this.#kill(comment);
      session.close();
    }
  }

  /** Ends a query that is in the middle of a long computation; one that has failed is gone already. */
  #kill(comment: string): void {
    const sql = `KILL QUERY WHERE Settings['log_comment'] = ${quoteText(comment)} ASYNC`;
    void this.#run(sql).catch(() => {});
  }

  #session(settings: Readonly<Record<string, string>>): Session {
    const session = new this.#chdb.Session(process.cwd());
    const list = Object.entries(settings).map(([name, value]) => `${settingName(name)} = ${quoteText(value)}`);
    try {
      if (list.length > 0) session.query(`SET ${list.join(', ')}`, 'Null');
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Waits for what runs. */
  async close(): Promise<void> {
    this.#keeper.close();
    await this.#chdb.drainPending();
  }
}

/** Of SHOW, DESCRIBE and EXPLAIN, the answers are short and there is no stream. */
function openStream(session: Session, sql: string, format: string): Stream | undefined {
  try {
    return session.queryStream(sql, { format });
  } catch (error) {
    if (/Streaming query is not supported/.test((error as Error).message)) return undefined;
    throw error;
  }
}

/** Values of parameters as settings; the engine reads them as a field of TSV. */
function parameters(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [`param_${name}`, tsvEscape(value)]));
}

const TSV_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\0': '\\0',
};

function tsvEscape(text: string): string {
  return text.replace(/[\\\t\n\r\0]/g, (char) => TSV_ESCAPES[char] ?? char);
}

/** A name that needs no quotes, which settings cannot have. */
function settingName(name: string): string {
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new Error(`${JSON.stringify(name)} is not the name of a setting or parameter`);
  return name;
}

/** The one way by which a reading statement writes: the library makes the file itself, whatever `readonly` says. */
function refuseOutfile(sql: string): void {
  const bare = sql.replace(
    /'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|--[^\n]*|#[!\s][^\n]*|\/\*[\s\S]*?\*\//g,
    ' ',
  );
  if (/\bINTO\s+OUTFILE\b/i.test(bare)) throw new Error('Code: 164. DB::Exception: INTO OUTFILE writes. (READONLY)');
}
