const UNCLEAN = /\/\/|\/\.\.?(?:\/|$)/;

/** The path that a request means: percent-encoding undone, where it is valid. */
export function decodedPath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Without empty, `.` and `..` segments; a slash at the end stays. Servers answer others with a redirect to it. */
export function cleanPath(path: string): string {
  if (!UNCLEAN.test(path)) return path;
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  const clean = `/${segments.join('/')}`;
  return clean !== '/' && path.endsWith('/') ? `${clean}/` : clean;
}

/** RFC 3986 section 3: scheme, authority, path, query, fragment. */
const URL_PARTS = /^([A-Za-z][A-Za-z0-9+.-]*:)?(\/\/(?!\/)[^/?#]*)?([^?#]*)/;
const CONTROL = /[\x00-\x1f\x7f]/;
const QUERY = /\?[^#]*/;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2}).{0,2}/s;

/**
 * The path that a URL names, percent-encoding undone, always with a slash in front; or what is wrong with the URL in
 * the words of Go's `url.Parse`.
 */
export function urlPathOf(text: string): string | { readonly error: string } {
  const [, scheme = '', , path = ''] = URL_PARTS.exec(text) ?? [];
  const fault = CONTROL.test(text) ? 'net/url: invalid control character in URL' : urlFault(text, scheme, path);
  if (fault !== undefined) return { error: `parse ${JSON.stringify(text)}: ${fault}` };
  // a URL like mailto:somebody has no path
  const opaque = scheme !== '' && !path.startsWith('/');
  const decoded = opaque ? '' : Buffer.from(unescapeBytes(path), 'latin1').toString();
  return decoded.startsWith('/') ? decoded : `/${decoded}`;
}

function urlFault(text: string, scheme: string, path: string): string | undefined {
  if (scheme === '' && path.startsWith(':')) return 'missing protocol scheme';
  const bad = BAD_ESCAPE.exec(text.replace(QUERY, ''));
  if (bad !== null) return `invalid URL escape ${JSON.stringify(bad[0])}`;
  const colon = scheme === '' && /^[^/]*:/.test(path);
  return colon ? 'first path segment in URL cannot contain colon' : undefined;
}

/** Escapes stand for bytes, which need not be UTF-8 each by itself. */
function unescapeBytes(path: string): string {
  const bytes = Buffer.from(path).toString('latin1');
  return bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
