/** A destination in a process of its own: `killable-sink.ts PORT FILE`. What it answered 200 for is in the file. */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { scan } from '../../core/otlp/scan/scan.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { spanNames } from '../../core/testing/spans.ts';

const [port, file = ''] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const names = spanNames(Telemetry.of('traces', body, scan('traces', body, 0, body.length)));
  appendFileSync(file, names.map((name) => `${name}\n`).join(''));
  response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
});
server.listen(Number(port), '127.0.0.1');
