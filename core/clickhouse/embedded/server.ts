import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Engine } from './engine.ts';
import { FAULT_TRAILER, type InsertRequest, type QueryRequest } from './protocol.ts';

/**
 * Statements at a time of each sort; the rest waits. Each holds a thread of the pool that libuv has, and memory. A
 * second insert at a time was measured to store no more.
 */
const AT_A_TIME = { insert: 1, query: 4, command: 1 };
/** Longer ones wait for nothing that is known to us. */
const LONGEST_FAULT = 4096;

type Kind = keyof typeof AT_A_TIME;

/** Serves an engine on a socket; `protocol.ts` has the rules. */
export function serve(engine: Engine): Server {
  const gates = { insert: gate(AT_A_TIME.insert), query: gate(AT_A_TIME.query), command: gate(AT_A_TIME.command) };
  // no limit of time for a request: an insert waits for its turn, and only this user reaches the socket
  const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://engine');
    const kind = url.pathname.slice(1);
    if (request.method !== 'POST' || !Object.hasOwn(AT_A_TIME, kind)) {
      response.writeHead(404).end();
      return;
    }
    void answer(engine, kind as Kind, gates[kind as Kind], request, response, decodeURIComponent(url.search.slice(1)));
  });
  return server;
}

async function answer(
  engine: Engine,
  kind: Kind,
  turn: Gate,
  request: IncomingMessage,
  response: ServerResponse,
  parameters: string,
): Promise<void> {
  try {
    if (kind === 'insert') await insert(engine, turn, request, JSON.parse(parameters) as InsertRequest);
    else {
      const asked = JSON.parse(await text(request)) as QueryRequest;
      await turn(() => (kind === 'query' ? query(engine, asked, response) : engine.command(asked)));
    }
    response.end();
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_FAULT);
    if (response.headersSent) {
      response.addTrailers({ [FAULT_TRAILER]: encodeURIComponent(message) });
      response.end();
    } else response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
  }
}

async function insert(engine: Engine, turn: Gate, request: IncomingMessage, what: InsertRequest): Promise<void> {
  const file = engine.insertFile();
  try {
    await pipeline(request, createWriteStream(file, { mode: 0o600 }));
    await turn(() => engine.insert(what, file));
  } finally {
    await rm(file, { force: true });
  }
}

async function query(engine: Engine, asked: QueryRequest, response: ServerResponse): Promise<void> {
  for await (const piece of engine.query(asked)) {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { trailer: FAULT_TRAILER });
    if (!response.write(piece)) await drained(response);
  }
}

/** Resolves when more can be written, or nothing any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** Lets so many run at a time, in the order in which they came. */
function gate(atATime: number): Gate {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= atATime) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
