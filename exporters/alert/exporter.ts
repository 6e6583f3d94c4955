import { STATUS_CODES } from 'node:http';
import type { Exporter, Settings } from '../../core/component.ts';
import type { HttpClientConfig } from '../../core/config/sections/http-client.ts';
import { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import { DeadlineError, PartialFailure, type PushContext } from '../../core/exporter-helper/types.ts';
import { type HttpAnswer, HttpClient } from '../../core/http/client.ts';
import { statusCodeOf } from '../../core/http/grpc-status.ts';
import { retryAfter } from '../../core/http/retry-after.ts';
import { userAgent } from '../../core/http/user-agent.ts';
import type { MetricDefinition } from '../../core/meter.ts';
import { dialReason } from '../../core/net/dial-error.ts';
import { split } from '../../core/otlp/split.ts';
import { AlertAttribute } from '../../core/stream/alert.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { alertmanagerChannel } from './alertmanager.ts';
import type { Config } from './config.ts';
import { AlertRecord } from './template.ts';
import { webhookChannel } from './webhook.ts';

export interface AlertRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A kind of destination. */
export interface Channel {
  readonly client: HttpClientConfig;
  /** Alerts that a request may have. */
  readonly most: number;
  request(alerts: readonly AlertRecord[]): AlertRequest;
}

const IGNORED: MetricDefinition = {
  name: 'otelcol_exporter_alert_ignored_log_records',
  description: 'Log records that are no alerts, so that they were sent to nobody',
  unit: '{record}',
};
const MAX_LOGGED = 500;

export function alertExporter(settings: Settings, config: Config): Exporter {
  const channel =
    config.webhook !== undefined
      ? webhookChannel(config.webhook)
      : alertmanagerChannel(config.alertmanager as NonNullable<Config['alertmanager']>, settings.clock);
  const sender = new AlertSender(settings, channel);
  const { sending_queue, retry_on_failure } = config;
  const helper = { sending_queue, retry_on_failure, timeout: channel.client.timeout };
  return exporterWith(settings, helper, (batch, context) => sender.push(batch, context), {
    start: (host) => sender.client.start(host),
    shutdown: () => sender.client.close(),
    // the time limit is that of a request, of which a batch may need many
    ownDeadline: true,
  });
}

/** An alert and the part of the batch that it is, which has a reference of its own. */
interface Item {
  readonly alert: AlertRecord;
  readonly part: Telemetry;
}

class AlertSender {
  readonly client: HttpClient;
  readonly #settings: Settings;
  readonly #channel: Channel;
  readonly #agent: string;
  #toldOfOthers = false;

  constructor(settings: Settings, channel: Channel) {
    this.client = new HttpClient(channel.client, settings);
    this.#settings = settings;
    this.#channel = channel;
    this.#agent = userAgent(settings.build);
  }

  /**
   * In order. Where a request fails for now, it and those after it come again. What is refused for good keeps no other;
   * it comes last of all to its failure, and again with those that come again.
   */
  async push(batch: Telemetry, { timeoutMs }: PushContext): Promise<void> {
    const items = this.#alertsOf(batch);
    const refused: Item[] = [];
    let refusal: PipelineError | undefined;
    const { most } = this.#channel;
    for (let sent = 0; sent < items.length; sent += most) {
      const group = items.slice(sent, sent + most);
      const error = await this.#post(group, batch, timeoutMs);
      if (error === undefined) release(group);
      else if (!error.permanent) throw failureOf(error, [...refused, ...items.slice(sent)]);
      else {
        refused.push(...group);
        refusal ??= error;
      }
    }
    if (refusal !== undefined) throw failureOf(refusal, refused);
  }

  #alertsOf(batch: Telemetry): Item[] {
    const items: Item[] = [];
    for (const part of split(batch.retain(), 1)) {
      const alert = AlertRecord.of(part);
      if (alert !== undefined) items.push({ alert, part });
      else part.release();
    }
    const others = batch.items - items.length;
    if (others > 0) this.#ignore(others);
    return items;
  }

  #ignore(records: number): void {
    const { logger, meter } = this.#settings;
    meter.counter(IGNORED).add(records);
    if (this.#toldOfOthers) return;
    this.#toldOfOthers = true;
    const fields = { records, metric: IGNORED.name };
    logger.warn(
      `Log records without ${AlertAttribute.TYPE} are no alerts and are not sent. Further ones are only counted`,
      fields,
    );
  }

  /** Returns why the group was not taken. */
  async #post(group: readonly Item[], { context }: Telemetry, timeoutMs: number): Promise<PipelineError | undefined> {
    const { url, headers, body } = this.#channel.request(group.map(({ alert }) => alert));
    const { clock } = this.#settings;
    const controller = new AbortController();
    const timer = timeoutMs > 0 ? clock.after(timeoutMs, () => controller.abort()) : undefined;
    let answer: HttpAnswer;
    try {
      const all = { 'user-agent': this.#agent, ...headers };
      answer = await this.client.post(url, all, [Buffer.from(body)], { abort: controller.signal, context });
    } catch (cause) {
      if (controller.signal.aborted) return new DeadlineError(undefined, { cause });
      // paths of webhooks are often secrets
      return new PipelineError(`failed to post to ${new URL(url).origin}: ${dialReason(cause)}`, { cause });
    } finally {
      timer?.cancel();
    }
    return answer.status >= 200 && answer.status <= 299 ? undefined : refusalOf(url, answer, clock.now());
  }
}

function release(items: readonly Item[]): void {
  for (const { part } of items) part.release();
}

function failureOf(error: PipelineError, items: readonly Item[]): PartialFailure {
  const { message, code, permanent, retryAfterMs } = error;
  const failed = Telemetry.join(items.map(({ part }) => part));
  const options = { code, permanent, cause: error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return new PartialFailure(message, failed, options);
}

/** Anything but 2xx. What a server may get over is tried again. */
function refusalOf(url: string, { status, headers, body }: HttpAnswer, nowMs: number): PipelineError {
  const retryAfterMs = retryAfter(headers['retry-after'], nowMs);
  const permanent = status < 500 && status !== 429 && status !== 408;
  const text = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const said = JSON.stringify(body.toString('utf8').trim().slice(0, MAX_LOGGED));
  return new PipelineError(`${new URL(url).origin} answered ${text} ${said}`, {
    code: statusCodeOf(status),
    permanent,
    ...(retryAfterMs === undefined || permanent ? {} : { retryAfterMs }),
  });
}
