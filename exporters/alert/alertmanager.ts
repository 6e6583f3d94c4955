import type { Clock } from '../../core/clock.ts';
import { valueText } from '../../core/otlp/value-text.ts';
import { AlertAttribute, timeText } from '../../core/stream/alert.ts';
import type { AlertmanagerConfig } from './config.ts';
import type { Channel } from './exporter.ts';
import { type AlertRecord, asIs, inUrl, Template } from './template.ts';

const PATH = '/api/v2/alerts';
/** Alerts of a request: some hundred kilobytes. */
const MOST = 500;

/** Requests with many alerts, of one or several services. */
export function alertmanagerChannel(config: AlertmanagerConfig, clock: Clock): Channel {
  const url = postUrl(config.endpoint);
  const labels = templates(config.labels);
  const annotations = templates(config.annotations);
  const generator = new Template(config.generator_url, inUrl);

  function post(alert: AlertRecord, now: number): object {
    const generatorURL = generator.render(alert);
    return {
      labels: filled({
        alertname: alert.text(AlertAttribute.TYPE),
        severity: alert.text(AlertAttribute.SEVERITY),
        service: alert.text('service.name'),
        key: alert.text(AlertAttribute.KEY),
        ...rendered(labels, alert),
      }),
      annotations: filled({
        summary: valueText(alert.record.body),
        count: alert.text(AlertAttribute.COUNT),
        first_time: alert.text(AlertAttribute.FIRST_TIME),
        last_time: alert.text(AlertAttribute.LAST_TIME),
        evidence: evidenceOf(alert),
        trace_id: alert.text('trace_id'),
        ...rendered(annotations, alert),
      }),
      startsAt: timeText(startOf(alert, now)),
      endsAt: timeText(now + config.resolve_after),
      ...(generatorURL === '' ? {} : { generatorURL }),
    };
  }
  return {
    client: config,
    most: MOST,
    request(alerts) {
      const now = clock.now();
      const body = JSON.stringify(alerts.map((alert) => post(alert, now)));
      return { url, headers: { 'content-type': 'application/json' }, body };
    },
  };
}

/** The API under the URL of the Alertmanager, which may have a prefix. */
function postUrl(endpoint: string): string {
  const url = new URL(endpoint);
  const prefix = url.pathname.replace(/\/+$/, '');
  url.pathname = prefix.endsWith(PATH) ? prefix : prefix + PATH;
  return url.href;
}

/** When what it is about began. Alertmanager refuses what begins after its end, and a clock may be ahead of ours. */
function startOf(alert: AlertRecord, now: number): number {
  const first = Date.parse(alert.text(AlertAttribute.FIRST_TIME) || alert.time);
  return first > 0 && first < now ? first : now;
}

function evidenceOf(alert: AlertRecord): string {
  const evidence = alert.value(AlertAttribute.EVIDENCE);
  return Array.isArray(evidence) ? evidence.join(', ') : '';
}

type Templates = readonly (readonly [string, Template])[];

const templates = (texts: Readonly<Record<string, string>>): Templates =>
  Object.entries(texts).map(([name, text]) => [name, new Template(text, asIs)]);

const rendered = (list: Templates, alert: AlertRecord): Record<string, string> =>
  Object.fromEntries(list.map(([name, template]) => [name, template.render(alert)]));

/** A label that is empty is as good as none. */
const filled = (texts: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) => (text === '' ? [] : [[name, text.toWellFormed()]])),
  );
