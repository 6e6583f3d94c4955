import { Secret } from '../../core/config/secret.ts';
import type { WebhookConfig } from './config.ts';
import type { Channel } from './exporter.ts';
import { type AlertRecord, asIs, hasPlaceholder, inHeader, inJson, inUrl, Template } from './template.ts';

const JSON_TYPE = 'application/json';

/** A request for each alert. */
export function webhookChannel(config: WebhookConfig): Channel {
  const headers = [...config.headers].map(([name, value]) => [name.toLowerCase(), value.reveal()] as const);
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? JSON_TYPE;
  const isJson = /\bjson\b/i.test(type);
  const body = config.body === '' ? undefined : new Template(config.body, isJson ? inJson : asIs);
  const url = new Template(config.endpoint, inUrl);
  const templates = headers.filter(([, value]) => hasPlaceholder(value));
  const rendered = templates.map(([name, value]) => [name, new Template(value, inHeader)] as const);
  const fixed = headers.filter(([, value]) => !hasPlaceholder(value));
  return {
    client: { ...config, headers: new Map(fixed.map(([name, value]) => [name, new Secret(value)])) },
    most: 1,
    request([alert]) {
      const of = alert as AlertRecord;
      return {
        url: url.render(of),
        headers: {
          'content-type': JSON_TYPE,
          ...Object.fromEntries(rendered.map(([name, template]) => [name, template.render(of)])),
        },
        body: body === undefined ? JSON.stringify(of.document()) : body.render(of),
      };
    },
  };
}
