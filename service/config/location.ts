/** Where a configuration comes from: `file:/etc/weir.yaml`, `env:NAME`, `yaml:key: value`, `https://…`. */
export interface Location {
  readonly scheme: string;
  readonly opaque: string;
}

export type ParsedLocation = Location | { readonly error: string };

const URI = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s;
const WINDOWS_DRIVE = /^[A-z]:/;

/** Reads a `--config` argument: a path without a scheme is a file. */
export function parseConfigArgument(text: string): ParsedLocation {
  if (!text.includes(':') || WINDOWS_DRIVE.test(text)) return { scheme: 'file', opaque: text };
  return parseLocation(text);
}

export function parseLocation(text: string): ParsedLocation {
  const match = URI.exec(text);
  if (match === null) return { error: `invalid uri: ${JSON.stringify(text)}` };
  return { scheme: match[1] ?? '', opaque: match[2] ?? '' };
}

export function formatLocation(location: Location): string {
  return `${location.scheme}:${location.opaque}`;
}

/**
 * The location of a `--set key=value`: dots in the key separate levels. The value is YAML. Keys with a dot cannot be
 * set this way.
 */
export function parseSet(text: string): ParsedLocation {
  const equals = text.indexOf('=');
  if (equals < 0) return { error: 'missing equal sign' };
  const key = text.slice(0, equals).replaceAll('.', '::');
  return { scheme: 'yaml', opaque: `${key}: ${text.slice(equals + 1)}` };
}
