import type { Json } from '../golden/normalise.ts';

type Tree = Readonly<Record<string, Json>>;

/** What one scrape came to: a line for each data point, in no order of the program's. */
export type ScrapedPoints = readonly string[];

const list = (value: Json | undefined): readonly Tree[] => (value ?? []) as readonly Tree[];

/** The scrapes of each job in the file that an exporter wrote, each of its documents being one scrape. */
export function scrapesByJob(documents: readonly Json[]): ReadonlyMap<string, readonly ScrapedPoints[]> {
  const jobs = new Map<string, ScrapedPoints[]>();
  for (const document of documents) {
    const { job, points } = pointsOf(document as Tree);
    jobs.set(job, [...(jobs.get(job) ?? []), points]);
  }
  return jobs;
}

/** The job is that of `up`, whose time is `T` wherever it stands. */
function pointsOf(document: Tree): { readonly job: string; readonly points: ScrapedPoints } {
  const lines: string[] = [];
  let job = '';
  let time = '';
  for (const { resource = {}, scopeMetrics } of list(document.resourceMetrics)) {
    const attributes = attributesText(resource as Tree);
    for (const { scope = {}, schemaUrl = '', metrics } of list(scopeMetrics)) {
      const { name = '', version = '' } = scope as { name?: string; version?: string };
      const own = name.endsWith('/prometheusreceiver') ? 'own' : `${name}@${version}${attributesText(scope as Tree)}`;
      for (const metric of list(metrics)) {
        const { head, points } = metricText(metric);
        for (const point of points) {
          lines.push(`${attributes} | ${own}${schemaUrl} | ${head} | ${JSON.stringify(point)}`);
          if (metric.name !== 'up') continue;
          job = /service\.name=([^,]*)/.exec(attributes)?.[1] ?? '';
          time = String(point.timeUnixNano);
        }
      }
    }
  }
  const timeless = lines
    .map((line) => (time === '' ? line : line.replaceAll(`"${time}"`, '"T"')))
    // the collector takes a stale marker for a time
    .map((line) => line.replace('"startTimeUnixNano":"9223372036854775808",', ''));
  return { job, points: timeless.filter((line) => !line.includes('scrape_duration_seconds')).sort() };
}

function metricText(metric: Tree): { readonly head: string; readonly points: readonly Tree[] } {
  const { name = '', description = '', unit = '', metadata, ...kinds } = metric;
  const [kind = '', data = {}] = Object.entries(kinds)[0] ?? [];
  const { dataPoints, ...about } = data as Tree;
  const type = attributesText({ attributes: metadata ?? [] });
  const head = `${name} ${description} ${unit} ${type} ${kind} ${sorted(about)}`;
  const points = list(dataPoints).map((point) => {
    const { attributes = [], exemplars, ...rest } = point;
    const shown = list(exemplars).map((exemplar) => {
      const { filteredAttributes = [], ...others } = exemplar;
      return { ...JSON.parse(sorted(others)), filtered: attributesText({ attributes: filteredAttributes }) };
    });
    return { attributes: attributesText({ attributes }), ...JSON.parse(sorted(rest)), ...(shown[0] && { shown }) };
  });
  return { head, points };
}

const sorted = (tree: Tree): string =>
  JSON.stringify(Object.fromEntries(Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1))));

function attributesText({ attributes }: Tree): string {
  return list(attributes)
    .map(({ key, value }) => `${key}=${(value as Tree).stringValue ?? JSON.stringify(value)}`)
    .sort()
    .join(',');
}
