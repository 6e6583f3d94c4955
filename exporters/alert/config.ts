import { duration, type Infer, mapOf, optional, type Report, string, struct } from '../../core/config/fields.ts';
import { httpClient } from '../../core/config/sections/http-client.ts';
import { sendingQueue } from '../../core/config/sections/queue.ts';
import { retry } from '../../core/config/sections/retry.ts';
import { hasPlaceholder, templateFault } from './template.ts';

/** Names as every version of Alertmanager and Prometheus has them. */
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Scheme and host, which no data may choose. */
const ORIGIN = /^[a-z]+:\/\/[^/?#]*/i;
const TIMEOUT = 10_000;

const webhook = struct(
  'alert.WebhookConfig',
  'Posts each alert to an HTTP server. Path and query of endpoint and values of headers may have {{FIELD}}.',
  { body: string('What is posted, with {{FIELD}} and {{json FIELD}}. Empty: the alert as JSON.') },
  {
    embed: [httpClient.with({ timeout: TIMEOUT })],
    validate(value, path, report) {
      checkUrl(value.endpoint, `${path}::endpoint`, report);
      checkTemplates({ endpoint: value.endpoint, body: value.body }, path, report);
      // a header may be a secret, so only its name is told
      for (const [name, secret] of value.headers)
        checkTemplates({ [name]: secret.reveal() }, `${path}::headers`, report);
    },
  },
);
export type WebhookConfig = Infer<typeof webhook>;

const alertmanager = struct(
  'alert.AlertmanagerConfig',
  'Posts alerts to the v2 API of a Prometheus Alertmanager; endpoint is its URL.',
  {
    labels: mapOf('More labels, with {{FIELD}}. Alerts with the same labels are the same alert.', string('Template.')),
    annotations: mapOf('More annotations, with {{FIELD}}.', string('Template.')),
    generator_url: string('A link to where the alert comes from, with {{FIELD}}.'),
    resolve_after: duration('An alert that does not come again for so long is resolved.', '5m'),
  },
  {
    embed: [httpClient.with({ timeout: TIMEOUT })],
    validate(value, path, report) {
      checkUrl(value.endpoint, `${path}::endpoint`, report);
      if (hasPlaceholder(value.endpoint)) report(`${path}::endpoint`, 'cannot have placeholders');
      for (const name of Object.keys(value.labels)) {
        if (!LABEL.test(name)) report(`${path}::labels`, `"${name}" is no name of a label`);
      }
      checkTemplates(value.labels, `${path}::labels`, report);
      checkTemplates(value.annotations, `${path}::annotations`, report);
      if (value.generator_url !== '') checkUrl(value.generator_url, `${path}::generator_url`, report);
      checkTemplates({ generator_url: value.generator_url }, path, report);
      if (value.resolve_after < 1) report(`${path}::resolve_after`, 'must be at least 1ms');
    },
  },
);
export type AlertmanagerConfig = Infer<typeof alertmanager>;

export const config = struct(
  'alert.Config',
  'Where alerts go: exactly one of webhook and alertmanager.',
  {
    webhook: optional(webhook, { present: false }),
    alertmanager: optional(alertmanager, { present: false }),
    sending_queue: sendingQueue(),
    retry_on_failure: retry,
  },
  {
    validate(value, path, report) {
      if ((value.webhook === undefined) !== (value.alertmanager === undefined)) return;
      // each has a queue and retries of its own, so that one that is down does not keep or repeat what the other gets
      report(path, 'exactly one of webhook and alertmanager must be configured; for both use two exporters');
    },
  },
);
export type Config = Infer<typeof config>;

function checkUrl(url: string, path: string, report: Report): void {
  const origin = ORIGIN.exec(url)?.[0] ?? '';
  if (url === '') report(path, 'must be specified');
  else if (hasPlaceholder(origin)) report(path, 'scheme and host cannot have placeholders');
  else if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) report(path, 'must be a URL with http or https');
}

function checkTemplates(templates: Readonly<Record<string, string>>, path: string, report: Report): void {
  for (const [name, text] of Object.entries(templates)) {
    const fault = templateFault(text);
    if (fault !== undefined) report(`${path}::${name}`, fault);
  }
}
