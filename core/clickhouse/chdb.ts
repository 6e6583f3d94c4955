import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ClickHouse, Insert, Query, QuerySettings } from './client.ts';
import { EngineProcess, servedBy } from './embedded/process.ts';
import { FAULT_TRAILER, type Fault } from './embedded/protocol.ts';
import { ClickHouseError } from './error.ts';

/** The embedded engine on one directory: a process of its own, started with the first statement. */
export class Chdb implements ClickHouse {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #socket: () => Promise<string>;
  readonly #leave: () => Promise<void>;
  #closed: Promise<void> | undefined;

  readonly #database: string | undefined;

  private constructor(socket: () => Promise<string>, leave: () => Promise<void>, database: string | undefined) {
    this.#socket = socket;
    this.#leave = leave;
    this.#database = database;
  }

  /** The owner: nobody else may have the directory at the same time. `database` is where queries look for tables. */
  static open(directory: string, database?: string): Chdb {
    const engine = EngineProcess.join(directory);
    return new Chdb(
      () => engine.socket(),
      () => engine.leave(),
      database,
    );
  }

  /** A guest of the process that has the directory; where none has it, the owner. */
  static async visit(directory: string, database?: string): Promise<Chdb> {
    const socket = await servedBy(directory);
    if (socket === undefined) return Chdb.open(directory, database);
    return new Chdb(
      async () => socket,
      async () => {},
      database,
    );
  }

  async command(sql: string, settings?: QuerySettings): Promise<void> {
    await text(await this.#send('/command', [JSON.stringify({ sql, settings })]));
  }

  async insert({ body, rows, abort, ...what }: Insert): Promise<void> {
    if (rows === 0) return;
    await text(await this.#send(`/insert?${encodeURIComponent(JSON.stringify(what))}`, body, abort));
  }

  async *query(query: Query): AsyncGenerator<Uint8Array> {
    const answer = await this.#send('/query', [JSON.stringify({ ...query, database: this.#database })]);
    try {
      yield* answer as AsyncIterable<Uint8Array>;
      const fault = answer.trailers[FAULT_TRAILER];
      if (fault !== undefined) throw failure(decodeURIComponent(fault));
    } catch (error) {
      throw error instanceof ClickHouseError ? error : lost(error);
    } finally {
      answer.destroy();
    }
  }

  /** Sends one request and resolves with the answer to it, of which the body is still to come. */
  async #send(path: string, body: readonly (string | Uint8Array)[], signal?: AbortSignal): Promise<IncomingMessage> {
    const socketPath = await this.#socket().catch((error: Error) => {
      throw new ClickHouseError(error.message, { cause: error });
    });
    const length = body.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { socketPath, path, method: 'POST', agent: this.#agent, headers: { 'content-length': length } };
      const sent: ClientRequest = request(signal === undefined ? options : { ...options, signal }, resolve);
      sent.once('error', (error) => reject(lost(error)));
      for (const piece of body) sent.write(piece);
      sent.end();
    });
    if (answer.statusCode === 200) return answer;
    throw failure((JSON.parse(await text(answer)) as Fault).message);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#agent.destroy();
    await this.#leave();
  }
}

/** The engine's process ended on the way; it is started again, and an insert is repeated under its token. */
function lost(cause: unknown): ClickHouseError {
  return new ClickHouseError(`the embedded engine ended while it worked: ${(cause as Error).message}`, { cause });
}

function failure(message: string): ClickHouseError {
  return new ClickHouseError(message.replace(/^Query failed: /, ''));
}
