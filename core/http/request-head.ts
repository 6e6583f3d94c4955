/** The request line and headers of one request, checked. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** HTTP/1.0 instead of 1.1. */
  readonly old: boolean;
  /** Lower-case names and their values, in order of arrival. */
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** -1 for chunked. 0 where the request has no body. */
  readonly contentLength: number;
  readonly keepAlive: boolean;
  readonly expectContinue: boolean;
}

/** The status with which a head is refused. The connection is not usable afterwards. */
export interface HeadFault {
  readonly fault: 400 | 417 | 501 | 505;
}

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A control character other than tab; a CR or LF here is one that does not end a line. */
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
const NOT_IN_TARGET = /[\x00-\x20\x7f]/;
const DIGITS = /^[0-9]{1,15}$/;
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

const BAD_REQUEST: HeadFault = { fault: 400 };

/**
 * Reads `text`, a head in latin1 without its final empty line, by RFC 9112. Refused, because peers in front of us
 * could read it in another way: lines that do not end in CRLF, folded lines, white space around names, more than one
 * Content-Length or Host, Content-Length beside Transfer-Encoding, any coding but a single `chunked`.
 */
export function parseRequestHead(text: string): RequestHead | HeadFault {
  const lines = text.split('\r\n');
  const line = requestLine(lines[0] as string);
  if ('fault' in line) return line;
  const names: string[] = [];
  const values: string[] = [];
  for (let i = 1; i < lines.length; i++) {
    const header = lines[i] as string;
    const colon = header.indexOf(':');
    const name = header.slice(0, colon);
    if (colon < 1 || !TOKEN.test(name)) return BAD_REQUEST;
    const value = trim(header, colon + 1);
    if (CONTROL.test(value)) return BAD_REQUEST;
    names.push(name.toLowerCase());
    values.push(value);
  }
  return semantics(line, names, values);
}

interface RequestLine {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly old: boolean;
}

function requestLine(line: string): RequestLine | HeadFault {
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  const method = line.slice(0, first);
  if (first < 1 || first === last || !TOKEN.test(method)) return BAD_REQUEST;
  const version = line.slice(last + 1);
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') {
    return /^HTTP\/[0-9]\.[0-9]$/.test(version) ? { fault: 505 } : BAD_REQUEST;
  }
  let target = line.slice(first + 1, last);
  if (NOT_IN_TARGET.test(target)) return BAD_REQUEST;
  if (target[0] !== '/') {
    const absolute = ABSOLUTE_FORM.exec(target);
    if (absolute === null && !(method === 'OPTIONS' && target === '*')) return BAD_REQUEST;
    if (absolute !== null) target = target.slice(absolute[0].length);
    if (target[0] === '?' || target === '') target = `/${target}`;
  }
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return { method, path, query: mark < 0 ? '' : target.slice(mark + 1), old: version === 'HTTP/1.0' };
}

/** From `start` without the spaces and tabs around. */
function trim(line: string, start: number): string {
  let from = start;
  let to = line.length;
  while (from < to && isBlank(line.charCodeAt(from))) from++;
  while (to > from && isBlank(line.charCodeAt(to - 1))) to--;
  return line.slice(from, to);
}

const isBlank = (char: number): boolean => char === 0x20 || char === 0x09;

function semantics(line: RequestLine, names: readonly string[], values: readonly string[]): RequestHead | HeadFault {
  let length: string | undefined;
  let coding: string | undefined;
  let host: string | undefined;
  let connection = '';
  let expect: string | undefined;
  for (let i = 0; i < names.length; i++) {
    const value = values[i] as string;
    switch (names[i]) {
      case 'content-length':
        if (length !== undefined || !DIGITS.test(value)) return BAD_REQUEST;
        length = value;
        break;
      case 'transfer-encoding':
        if (coding !== undefined) return BAD_REQUEST;
        coding = value;
        break;
      case 'host':
        if (host !== undefined) return BAD_REQUEST;
        host = value;
        break;
      case 'connection':
        connection = connection === '' ? value.toLowerCase() : `${connection},${value.toLowerCase()}`;
        break;
      case 'expect':
        expect = value.toLowerCase();
        break;
    }
  }
  if (host === undefined && !line.old) return BAD_REQUEST;
  if (coding !== undefined) {
    if (length !== undefined || line.old) return BAD_REQUEST;
    if (coding.toLowerCase() !== 'chunked') return { fault: 501 };
  }
  if (expect !== undefined && expect !== '100-continue') return { fault: 417 };
  return {
    ...line,
    names,
    values,
    contentLength: coding !== undefined ? -1 : Number(length ?? 0),
    keepAlive: line.old ? hasToken(connection, 'keep-alive') : !hasToken(connection, 'close'),
    expectContinue: expect !== undefined && !line.old,
  };
}

function hasToken(list: string, token: string): boolean {
  return list !== '' && (list === token || list.split(',').some((item) => item.trim() === token));
}
