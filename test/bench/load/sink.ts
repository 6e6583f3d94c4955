/**
 * A process that takes OTLP traces over gRPC and HTTP, and counts. Started by `run.ts` with the two ports as arguments;
 * says `ready`, answers each message from its parent with the totals since the last one that was `reset`.
 */
import { createServer } from 'node:http';
import { GrpcServer } from '../../../core/grpc/server.ts';
import { count, noTotals } from './count.ts';

const [grpcPort, httpPort] = process.argv.slice(2).map(Number);
const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
/** An empty ExportTraceServiceResponse. */
const ACCEPTED = Buffer.alloc(0);
let totals = noTotals();

const grpc = new GrpcServer({
  endpoint: { host: '127.0.0.1', port: grpcPort! },
  maxReceiveMessageBytes: 64 << 20,
  methods: new Map([
    [
      EXPORT,
      (call) => {
        const { buffer, start, end, slab } = call.message;
        count(buffer, start, end, totals);
        slab?.release();
        call.reply(ACCEPTED);
      },
    ],
  ]),
});
const http = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    count(body, 0, body.length, totals);
    response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': 0 }).end();
  });
});

process.on('message', (message) => {
  process.send!(totals);
  if (message === 'reset') totals = noTotals();
});
process.on('disconnect', () => process.exit());
await grpc.listen();
http.listen(httpPort, '127.0.0.1', () => process.send!('ready'));
