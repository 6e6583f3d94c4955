/** An OTLP server on grpc-js: `serve CERT KEY SOCKET`, as the peers in other languages. Each line of output is JSON. */
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { scan } from '../../core/otlp/scan/scan.ts';
import { encodeExportResponse } from '../../core/otlp/service.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { EXPORT } from './foreign.ts';

const [, , , cert = '', key = '', socket = ''] = process.argv;
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const refused = new Set<string>();

function onExport(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
  const [name = ''] = call.metadata.get('x-case').map(String);
  const [answer] = call.metadata.get('x-answer');
  const { request } = call;
  scan('traces', request, 0, request.length);
  const tree = decodeTree('traces', { ranges: [{ buffer: request, start: 0, end: request.length }] });
  const all = tree.resourceSpans.flatMap((group) => group.scopeSpans.flatMap((scope) => scope.spans));
  const hex = (id: Buffer): string => id.toString('hex');
  say({ case: name, spans: all.map((span) => [hex(span.traceId), hex(span.spanId), span.name]) });
  if (answer === 'retry' && !refused.has(name)) {
    refused.add(name);
    done({ code: status.UNAVAILABLE, details: 'come again' });
  } else if (answer === 'invalid') done({ code: status.INVALID_ARGUMENT, details: 'not this' });
  else if (answer === 'partial') done(null, encodeExportResponse({ rejected: 1, errorMessage: 'one too many' }));
  else done(null, encodeExportResponse());
}

const server = new Server();
const same = (bytes: Buffer): Buffer => bytes;
const codec = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};
server.addService(
  { Export: { path: EXPORT, requestStream: false, responseStream: false, ...codec } },
  { Export: onExport },
);
const bind = (address: string, credentials = ServerCredentials.createInsecure()): Promise<number> =>
  new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
const plain = await bind('127.0.0.1:0');
const tls = await bind('127.0.0.1:0', ServerCredentials.createSsl(null, [pair]));
const ipv6 = await bind('[::1]:0');
await bind(`unix:${socket}`);
say({ ports: { plain, tls, ipv6 } });
