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
