import { ErrorCode, errorName } from '../http2/frames.ts';
import { StatusCode } from '../status-code.ts';
import { GrpcError } from './grpc-error.ts';

/**
 * How status is carried in headers.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, section Responses
 */
const CONTENT_TYPE = /^application\/grpc(?:$|[+;])/i;

export function isGrpcContentType(value: string): boolean {
  return CONTENT_TYPE.test(value);
}

/** Percent-encodes what a header value must not hold: octets outside 0x20 to 0x7e, and `%`. */
export function encodeMessage(message: string): string {
  return message.replaceAll(/[^ -$&-~]+/gu, (text) => {
    let encoded = '';
    for (const octet of Buffer.from(text)) encoded += `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    return encoded;
  });
}

/** Undoes it; what is not valid percent-encoding stays as it is. */
export function decodeMessage(value: string): string {
  if (!value.includes('%')) return value;
  const decoded = value.replaceAll(/%([0-9a-fA-F]{2})/g, (_, octet: string) =>
    String.fromCharCode(Number.parseInt(octet, 16)),
  );
  return Buffer.from(decoded, 'latin1').toString();
}

/** A code outside the list is UNKNOWN. */
export function parseStatusCode(value: string): StatusCode {
  const code = /^\d{1,2}$/.test(value) ? Number(value) : -1;
  return code >= StatusCode.OK && code <= StatusCode.UNAUTHENTICATED ? (code as StatusCode) : StatusCode.UNKNOWN;
}

const HTTP_STATUS: Readonly<Record<string, StatusCode>> = {
  400: StatusCode.INTERNAL,
  401: StatusCode.UNAUTHENTICATED,
  403: StatusCode.PERMISSION_DENIED,
  404: StatusCode.UNIMPLEMENTED,
  429: StatusCode.UNAVAILABLE,
  502: StatusCode.UNAVAILABLE,
  503: StatusCode.UNAVAILABLE,
  504: StatusCode.UNAVAILABLE,
};

/**
 * The error for an answer that does not come from a gRPC server.
 * Source: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
 */
export function fromHttpStatus(status: string, contentType: string | undefined): GrpcError {
  const problems: string[] = [];
  if (status !== '200') problems.push(`unexpected HTTP status code received from server: ${status || 'none'}`);
  if (contentType === undefined) problems.push('missing content-type');
  else if (!isGrpcContentType(contentType)) problems.push(`received unexpected content-type "${contentType}"`);
  return new GrpcError(HTTP_STATUS[status] ?? StatusCode.UNKNOWN, problems.join('; '));
}

const RESET_STATUS: Readonly<Record<number, StatusCode>> = {
  [ErrorCode.REFUSED_STREAM]: StatusCode.UNAVAILABLE,
  [ErrorCode.CANCEL]: StatusCode.CANCELLED,
  [ErrorCode.ENHANCE_YOUR_CALM]: StatusCode.RESOURCE_EXHAUSTED,
  [ErrorCode.INADEQUATE_SECURITY]: StatusCode.PERMISSION_DENIED,
};

/** The error of a call whose stream the server reset. */
export function fromReset(code: number): GrpcError {
  const message = `stream terminated by RST_STREAM with error code: ${errorName(code)}`;
  return new GrpcError(RESET_STATUS[code] ?? StatusCode.INTERNAL, message);
}
