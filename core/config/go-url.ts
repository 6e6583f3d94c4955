import { isIPv6 } from 'node:net';

/** What a host may be made of besides letters and digits; other bytes below 0x80 have no place in it. */
const HOST = /^(?:[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]|[^\0-\x7f]|%25|%[89a-fA-F][0-9a-fA-F])*$/;
const USER = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
const PORT = /^(:[0-9]*)?$/;
const BAD_ESCAPE = /%(?![0-9a-fA-F]{2}).{0,2}/s;
const CONTROL = /[\0-\x1f\x7f]/;

/**
 * Why Go's net/url does not take a text as a URL, in its words; undefined where it does. `127.0.0.1:4318` is none,
 * while `localhost:4318` is one with the scheme `localhost`. With `request` relative ones are none either.
 */
export function urlFault(text: string, options: { readonly request?: boolean } = {}): string | undefined {
  const request = options.request ?? false;
  const hash = request ? -1 : text.indexOf('#');
  const url = hash < 0 ? text : text.slice(0, hash);
  return partsFault(url, request) ?? (hash < 0 ? undefined : escapeFault(text.slice(hash + 1)));
}

function partsFault(url: string, request: boolean): string | undefined {
  if (CONTROL.test(url)) return 'net/url: invalid control character in URL';
  if (url === '') return request ? 'empty url' : undefined;
  if (url === '*') return undefined;
  if (url.startsWith(':')) return 'missing protocol scheme';
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1]?.toLowerCase() ?? '';
  const rest = (scheme === '' ? url : url.slice(scheme.length + 1)).replace(/\?.*$/s, '');
  if (!rest.startsWith('/')) {
    if (scheme !== '') return undefined;
    if (request) return 'invalid URI for request';
    if (/^[^/]*:/.test(rest)) return 'first path segment in URL cannot contain colon';
  }
  const hasHost = rest.startsWith('//') && (scheme !== '' || (!request && !rest.startsWith('///')));
  if (!hasHost) return escapeFault(rest);
  const slash = rest.indexOf('/', 2);
  const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
  return authorityFault(scheme, authority) ?? (slash < 0 ? undefined : escapeFault(rest.slice(slash)));
}

function authorityFault(scheme: string, authority: string): string | undefined {
  const at = authority.lastIndexOf('@');
  const fault = hostFault(scheme, authority.slice(at + 1));
  if (fault !== undefined || at < 0) return fault;
  const user = authority.slice(0, at);
  return USER.test(user) ? escapeFault(user) : 'net/url: invalid userinfo';
}

function hostFault(scheme: string, host: string): string | undefined {
  const open = host.lastIndexOf('[');
  if (open > 0) return 'invalid IP-literal';
  if (open === 0) {
    const close = host.lastIndexOf(']');
    if (close < 0) return "missing ']' in host";
    const port = host.slice(close + 1);
    if (!PORT.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
    const literal = host.slice(1, close).replace('%25', '%');
    return isIPv6(literal) ? undefined : `invalid host: ParseAddr(${JSON.stringify(literal)}): unable to parse IP`;
  }
  const web = scheme === 'http' || scheme === 'https';
  const colon = web ? host.indexOf(':') : host.lastIndexOf(':');
  const port = colon < 0 ? '' : host.slice(colon);
  if (!PORT.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
  return escapeFault(host) ?? (HOST.test(host) ? undefined : 'invalid character in host name');
}

function escapeFault(text: string): string | undefined {
  const bad = BAD_ESCAPE.exec(text)?.[0];
  return bad === undefined ? undefined : `invalid URL escape ${JSON.stringify(bad)}`;
}
