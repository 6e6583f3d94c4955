import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { snappyDecode } from '../../core/compression/snappy.ts';
import { next, readSint32, readVarint, readVarint64, skipValue } from '../../core/otlp/wire.ts';

const MAX_BODY = 64 << 20;

/** A series as text, so that those of two programs can be compared. */
export interface SinkSeries {
  readonly samples: string[];
  readonly exemplars: string[];
  readonly histograms: string[];
  metadata?: string;
}

/** What was written to one path: series by their labels, and the metadata of the first version. */
export class Written {
  readonly series = new Map<string, SinkSeries>();
  readonly metadata: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  requests = 0;
  largest = 0;

  /** Independent of order and of how it was divided into requests. */
  canonical(): Record<string, SinkSeries> {
    const entries = [...this.series].filter(([, s]) => s.samples.length + s.histograms.length > 0);
    for (const [, s] of entries) for (const list of [s.samples, s.exemplars, s.histograms]) list.sort();
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** A receiver of both versions of remote write, by path; `answer` decides the status. */
export class RemoteWriteSink implements AsyncDisposable {
  readonly #server: Server;
  readonly #written = new Map<string, Written>();
  answer: (path: string) => number = () => 204;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const status = this.answer(request.url as string);
      if (status < 300) this.#take(request.url as string, Buffer.concat(chunks), request.headers);
      response.writeHead(status).end();
    });
  }

  static async start(): Promise<RemoteWriteSink> {
    const sink = new RemoteWriteSink();
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  at(path: string): Written {
    const known = this.#written.get(path) ?? new Written();
    this.#written.set(path, known);
    return known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(path: string, body: Buffer, headers: IncomingHttpHeaders): void {
    const written = this.at(path);
    const message = fields(snappyDecode(body, MAX_BODY));
    written.requests++;
    written.largest = Math.max(written.largest, body.length);
    written.headers.push(headers);
    const symbols = all(message, 4).map((f) => f.bytes.toString());
    for (const { bytes } of all(message, 1)) addSeries(written, fields(bytes), undefined);
    for (const { bytes } of all(message, 5)) addSeries(written, fields(bytes), symbols);
    for (const { bytes } of all(message, 3)) {
      const m = fields(bytes);
      const [name, help, unit] = [2, 4, 5].map((n) => one(m, n)?.bytes.toString() ?? '');
      written.metadata.push(JSON.stringify([one(m, 1)?.varint?.toString() ?? '0', name, help, unit]));
    }
  }
}

interface Field {
  readonly number: number;
  readonly bytes: Buffer;
  readonly varint: bigint | undefined;
}

function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  for (let at = 0; at < message.length; ) {
    const tag = readVarint(message, at);
    const value = next;
    at = skipValue(message, value, tag);
    let start = value;
    if ((tag & 7) === 2) {
      readVarint(message, value);
      start = next;
    }
    const varint = (tag & 7) === 0 ? readVarint64(message, value) : undefined;
    found.push({ number: tag >>> 3, bytes: message.subarray(start, at), varint });
  }
  return found;
}

const all = (message: readonly Field[], number: number) => message.filter((f) => f.number === number);
const one = (message: readonly Field[], number: number) => all(message, number).at(-1);
const int64 = (field: Field | undefined) => String(BigInt.asIntN(64, field?.varint ?? 0n));

/** A number that is not one by its bits, because some of them have a meaning. */
function double(field: Field | undefined): string {
  if (field === undefined) return '0';
  const value = field.bytes.readDoubleLE();
  if (!Number.isNaN(value)) return String(value);
  return field.bytes.readBigUInt64LE() === 0x7ff0_0000_0000_0002n ? 'stale' : 'NaN';
}

function labelsOf(message: readonly Field[], symbols: readonly string[] | undefined): [string, string][] {
  const pairs: [string, string][] = [];
  if (symbols === undefined) {
    for (const { bytes } of all(message, 1)) {
      const label = fields(bytes);
      pairs.push([one(label, 1)?.bytes.toString() ?? '', one(label, 2)?.bytes.toString() ?? '']);
    }
  } else {
    const references = all(message, 1).flatMap(({ bytes, varint }) =>
      varint === undefined ? packed(bytes) : [varint],
    );
    for (let i = 0; i < references.length; i += 2) {
      pairs.push([symbols[Number(references[i])] as string, symbols[Number(references[i + 1])] as string]);
    }
  }
  // a label without a value is one that is not there
  return pairs.filter(([, value]) => value !== '').sort(([a], [b]) => (a < b ? -1 : 1));
}

function packed(bytes: Buffer): bigint[] {
  const values: bigint[] = [];
  for (let at = 0; at < bytes.length; at = next) values.push(readVarint64(bytes, at));
  return values;
}

function addSeries(written: Written, message: readonly Field[], symbols: readonly string[] | undefined): void {
  const second = symbols !== undefined;
  const labels = JSON.stringify(labelsOf(message, symbols));
  const series: SinkSeries = written.series.get(labels) ?? { samples: [], exemplars: [], histograms: [] };
  written.series.set(labels, series);
  for (const { bytes } of all(message, 2)) {
    const sample = fields(bytes);
    series.samples.push(`${int64(one(sample, 2))} ${double(one(sample, 1))}`);
  }
  for (const { bytes } of all(message, second ? 4 : 3)) {
    const exemplar = fields(bytes);
    const own = JSON.stringify(labelsOf(exemplar, symbols));
    series.exemplars.push(`${int64(one(exemplar, 3))} ${double(one(exemplar, 2))} ${own}`);
  }
  for (const { bytes } of all(message, second ? 3 : 4)) series.histograms.push(histogram(fields(bytes)));
  const metadata = second ? one(message, 5) : undefined;
  if (metadata === undefined || symbols === undefined) return;
  const m = fields(metadata.bytes);
  const text = (number: number) => symbols[Number(one(m, number)?.varint ?? 0n)];
  series.metadata = JSON.stringify([int64(one(m, 1)), text(3), text(4)]);
}

/** With counts by index, so that it does not matter how empty buckets are written. */
function histogram(message: readonly Field[]): string {
  const buckets = (spans: number) => {
    const deltas = all(message, spans + 1).flatMap((f) => (f.varint === undefined ? packed(f.bytes) : [f.varint]));
    const counts: string[] = [];
    let [index, at, count] = [0, 0, 0n];
    for (const { bytes } of all(message, spans)) {
      const span = fields(bytes);
      const offset = one(span, 1);
      index += offset === undefined ? 0 : readSint32(offset.bytes, 0);
      for (let i = 0; i < Number(one(span, 2)?.varint ?? 0n); i++, index++) {
        const delta = deltas[at++] as bigint;
        count += (delta >> 1n) ^ -(delta & 1n);
        if (count !== 0n) counts.push(`${index}:${count}`);
      }
    }
    return counts.join(',');
  };
  const schema = one(message, 4);
  const [count, zeros] = [1, 6].map((n) => one(message, n)?.varint ?? 0n);
  return [
    int64(one(message, 15)),
    `schema ${schema === undefined ? 0 : readSint32(schema.bytes, 0)}`,
    `count ${count} sum ${double(one(message, 3))}`,
    `zeros ${zeros} up to ${double(one(message, 5))}`,
    `negative ${buckets(8)} positive ${buckets(11)}`,
  ].join(' ');
}
