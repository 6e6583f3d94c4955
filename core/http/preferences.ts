/** One entry of an `Accept` or `Accept-Encoding` header, without its `q`. */
export interface Preference {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Longer headers say nothing more; the rest is not read. */
const MAX_ENTRIES = 64;

/** The entries of the header, the best first, those of one quality in their order (RFC 9110 section 12.4.2). */
export function preferences(header: string): Preference[] {
  const entries = header.split(',', MAX_ENTRIES).map(preference);
  return entries.filter(({ value }) => value !== '').sort((a, b) => b.quality - a.quality);
}

function preference(text: string): Preference {
  const [value = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    if (equals > 0) parameters.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  const quality = Number(parameters.get('q') ?? 1);
  parameters.delete('q');
  return { value: value.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 0 };
}

/** Whether the client prefers gzip to the plain content: it names it, and with a higher quality than `identity`. */
export function wantsGzip(acceptEncoding: string | undefined): boolean {
  const found = preferences(acceptEncoding ?? '');
  const gzip = found.find(({ value }) => value === 'gzip')?.quality ?? 0;
  const identity = found.find(({ value }) => value === 'identity' || value === '*')?.quality ?? 0;
  return gzip > identity;
}
