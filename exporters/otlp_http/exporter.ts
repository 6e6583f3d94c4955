import type { Exporter, Settings } from '../../core/component.ts';
import { urlFault } from '../../core/config/go-url.ts';
import { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import type { PushContext } from '../../core/exporter-helper/types.ts';
import { type HttpAnswer, HttpClient } from '../../core/http/client.ts';
import { userAgent } from '../../core/http/user-agent.ts';
import type { Labels } from '../../core/meter.ts';
import { dialReason } from '../../core/net/dial-error.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import { reportPartialSuccess } from '../../core/otlp/partial-success.ts';
import { decodeExportResponse, decodeExportResponseJson, type PartialSuccess } from '../../core/otlp/service.ts';
import type { Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { withoutPasswords } from '../../core/url-password.ts';
import type { Config } from './config.ts';
import { refusal } from './outcome.ts';

const PROTO = 'application/x-protobuf';
const JSON_TEXT = 'application/json';

export function otlpHttpExporter(settings: Settings, config: Config): Exporter {
  const urls = new Map(settings.signals.map((signal) => [signal, signalUrl(config, signal)]));
  const sender = new OtlpHttpSender(settings, config, urls);
  return exporterWith(settings, config, (batch, context) => sender.push(batch, context), {
    start: (host) => sender.client.start(host),
    shutdown: () => sender.client.close(),
    labels: (signal) => urlLabels(urls.get(signal) as string),
  });
}

/** Throws, in the collector's words, where a signal has no URL, or `endpoint` is none, even if it is not used. */
function signalUrl(config: Config, signal: Signal): string {
  if (urlFault(config.endpoint) !== undefined) throw new Error('endpoint must be a valid URL');
  const own = config[`${signal}_endpoint`];
  if (own === '' && config.endpoint === '') throw new Error(`either endpoint or ${signal}_endpoint must be specified`);
  const url = own !== '' ? own : `${config.endpoint.replace(/\/$/, '')}/v1/${signal}`;
  if (urlFault(url) !== undefined || (!URL.canParse(url) && /^https?:/i.test(url))) {
    throw new Error(own === '' ? 'endpoint must be a valid URL' : `${signal}_endpoint must be a valid URL`);
  }
  return url;
}

function urlLabels(url: string): Labels {
  // text without a scheme passes the collector's check and fails when something is sent
  if (!URL.canParse(url)) return { server_address: '', url_path: withoutPasswords(url) };
  const { hostname, port, pathname } = new URL(url);
  return {
    server_address: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { server_port: port }),
    ...(pathname === '' ? {} : { url_path: pathname }),
  };
}

class OtlpHttpSender {
  readonly client: HttpClient;
  readonly #settings: Settings;
  readonly #json: boolean;
  readonly #urls: ReadonlyMap<Signal, string>;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(settings: Settings, config: Config, urls: ReadonlyMap<Signal, string>) {
    this.client = new HttpClient(config, settings);
    this.#settings = settings;
    this.#json = config.encoding === 'json';
    this.#urls = urls;
    this.#headers = {
      'content-type': this.#json ? JSON_TEXT : PROTO,
      'user-agent': userAgent(settings.build),
    };
  }

  async push(batch: Telemetry, context: PushContext): Promise<void> {
    const url = this.#urls.get(batch.signal) as string;
    const body = this.#json ? [encodeJson(batch)] : batch.ranges.map((r) => r.buffer.subarray(r.start, r.end));
    let answer: HttpAnswer;
    try {
      answer = await this.client.post(url, this.#headers, body, {
        abort: context.abort,
        context: batch.context,
      });
    } catch (error) {
      throw new PipelineError(
        `failed to make an HTTP request: Post ${JSON.stringify(withoutPasswords(url))}: ${dialReason(error)}`,
        {
          cause: error,
        },
      );
    }
    if (answer.status < 200 || answer.status > 299)
      throw refusal(withoutPasswords(url), answer, this.#settings.clock.now());
    const partial = partialSuccess(batch.signal, answer);
    if (partial !== undefined) reportPartialSuccess(this.#settings, batch.signal, partial);
  }
}

function partialSuccess(signal: Signal, { headers, body }: HttpAnswer): PartialSuccess | undefined {
  if (body.length === 0) return undefined;
  const type = headers['content-type'];
  try {
    if (type === PROTO) return decodeExportResponse(body);
    return type === JSON_TEXT ? decodeExportResponseJson(signal, body) : undefined;
  } catch (error) {
    const kind = type === PROTO ? 'protobuf' : 'json';
    throw new PipelineError(`error parsing ${kind} response: ${(error as Error).message}`, {
      permanent: true,
      cause: error,
    });
  }
}
