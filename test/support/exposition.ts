export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  type: string;
  help: string | undefined;
  readonly series: Series[];
}

const COMMENT = /^# (HELP|TYPE) (\S+) ?(.*)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{.*\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const SUFFIXES = ['_bucket', '_sum', '_count', '_total'];

/** Reads a Prometheus text exposition; the key is the family's name. */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const family = (name: string): Family => {
    const known = families.get(name);
    if (known !== undefined) return known;
    const made: Family = { type: 'untyped', help: undefined, series: [] };
    families.set(name, made);
    return made;
  };
  for (const line of text.split('\n')) {
    const comment = COMMENT.exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment;
      if (kind === 'HELP') family(name!).help = rest!;
      else family(name!).type = rest!;
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) continue;
    const [, name, labels = '', value] = sample;
    family(familyOf(name!, families)).series.push({
      name: name!,
      labels: readLabels(labels),
      value: readValue(value!),
    });
  }
  return families;
}

/** The value of the one series with these labels (others may be there too); undefined where there is none. */
export function sample(families: Map<string, Family>, name: string, labels: Record<string, string> = {}) {
  const matches = [...families.values()]
    .flatMap((f) => f.series)
    .filter((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v));
  if (matches.length > 1) throw new Error(`${name} has ${matches.length} series with ${JSON.stringify(labels)}`);
  return matches[0]?.value;
}

function familyOf(name: string, families: Map<string, Family>): string {
  if (families.has(name)) return name;
  for (const suffix of SUFFIXES) {
    const base = name.slice(0, -suffix.length);
    if (name.endsWith(suffix) && families.has(base)) return base;
  }
  return name;
}

function readLabels(text: string): Record<string, string> {
  const escapes: Record<string, string> = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };
  const pairs = [...text.matchAll(LABEL)].map(([, k, v]) => [k!, v!.replace(/\\[\\"n]/g, (e) => escapes[e]!)]);
  return Object.fromEntries(pairs);
}

function readValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);
}
