import type { QuerySettings } from '../client.ts';

/**
 * What goes over the socket of the embedded engine: HTTP, one request a statement.
 *
 *   POST /insert?{InsertRequest as JSON}   body: the rows
 *   POST /command   body: CommandRequest
 *   POST /query     body: QueryRequest; the answer is the rows, and the trailer `x-fault` what went wrong on the way
 *
 * A statement that fails is answered with 500 and a Fault.
 */
export interface InsertRequest {
  readonly database: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly format: string;
  readonly token?: string | undefined;
  readonly settings?: QuerySettings | undefined;
}

export interface CommandRequest {
  readonly sql: string;
  readonly settings?: QuerySettings | undefined;
}

export interface QueryRequest extends CommandRequest {
  readonly format: string;
  /** Where tables without one are. */
  readonly database?: string | undefined;
  readonly params?: Readonly<Record<string, string>> | undefined;
}

/** The engine's words, which begin with `Code: 60.` and end with `(UNKNOWN_TABLE)`. */
export interface Fault {
  readonly message: string;
}

export const FAULT_TRAILER = 'x-fault';

/** The file in the data directory that says where its engine listens. */
export const ADDRESS_FILE = 'engine.json';

export interface Address {
  readonly pid: number;
  readonly socket: string;
}

/** What the engine's process tells the one that started it, once. */
export type Started = Address | { readonly fault: string };
