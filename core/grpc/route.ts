import { encodeHeaders } from '../http2/hpack-encoder.ts';
import { StatusCode } from '../status-code.ts';
import type { CallHead } from './call-head.ts';
import { failureHeaders } from './responses.ts';
import { isGrpcContentType } from './status.ts';
import type { UnaryHandler } from './types.ts';

/** The answer to a request that is not served; sent when the request has ended, so that the stream closes in order. */
export interface Refusal {
  readonly headers: Buffer;
  readonly body: Buffer | undefined;
}

/** What becomes of a request with this head. */
export interface Route {
  readonly head: CallHead;
  readonly to: UnaryHandler | Refusal;
}

export function findRoute(head: CallHead, methods: ReadonlyMap<string, UnaryHandler>): Route {
  if (head.method !== 'POST') return { head, to: plain('405', `this is a gRPC server, which takes POST only\n`) };
  if (!isGrpcContentType(head.contentType)) {
    return { head, to: plain('415', `invalid gRPC request content-type "${head.contentType}"\n`) };
  }
  if (Number.isNaN(head.timeoutMs)) return { head, to: failure(StatusCode.INTERNAL, 'malformed grpc-timeout') };
  const handler = methods.get(head.path);
  return { head, to: handler ?? failure(StatusCode.UNIMPLEMENTED, unknownMethod(head.path, methods)) };
}

export const HEADERS_TOO_LARGE: Refusal = plain('431', 'the header section is too large\n');

function unknownMethod(path: string, methods: ReadonlyMap<string, UnaryHandler>): string {
  const slash = path.lastIndexOf('/');
  if (slash <= 0) return `malformed method name: "${path}"`;
  const service = path.slice(1, slash);
  for (const known of methods.keys()) {
    if (known.startsWith(`/${service}/`)) return `unknown method ${path.slice(slash + 1)} for service ${service}`;
  }
  return `unknown service ${service}`;
}

function failure(code: StatusCode, message: string): Refusal {
  return { headers: failureHeaders({ code, message }), body: undefined };
}

/** For a client that does not speak gRPC. */
function plain(status: string, text: string): Refusal {
  const headers = encodeHeaders([
    [':status', status],
    ['content-type', 'text/plain'],
  ]);
  return { headers, body: Buffer.from(text) };
}
