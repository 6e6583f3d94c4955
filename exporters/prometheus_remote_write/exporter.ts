import type { Exporter, Host, Settings } from '../../core/component.ts';
import { snappyEncode } from '../../core/compression/snappy.ts';
import { urlFault } from '../../core/config/go-url.ts';
import type { QueueConfig } from '../../core/config/sections/queue.ts';
import { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import type { PushContext } from '../../core/exporter-helper/types.ts';
import { HttpClient } from '../../core/http/client.ts';
import { dialReason } from '../../core/net/dial-error.ts';
import { remoteLabelName } from '../../core/prometheus/names.ts';
import { writeRequests, writeRequests2 } from '../../core/prometheus/remote-write/requests.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { withoutPasswords } from '../../core/url-password.ts';
import { type Config, KEEPS_NAMES, V2 } from './config.ts';
import { SERVICE_ATTRIBUTES } from './labels.ts';
import { RemoteWriteMetrics } from './metrics.ts';
import { type TranslateOptions, Translator } from './translate.ts';

const GATE = 'exporter.prometheusremotewritexporter';
const PERMISSIVE_GATE = 'pkg.translator.prometheus.PermissiveLabelSanitization';
/** Requests of one batch at a time where the gate for several workers is on. */
const PARALLEL_REQUESTS = 5;
/** Of the body of a refusal so much goes to the log. */
const MAX_REASON = 1024;

/** Translates batches to series and writes them. What was written is not written again when a part of it fails. */
export function remoteWriteExporter(settings: Settings, config: Config): Exporter {
  const workers = settings.featureGate(`${GATE}.EnableMultipleWorkers`);
  warnOfDeprecated(settings, config, workers);
  const writer = new RemoteWriter(settings, config, workers);
  const { timeout, retry_on_failure } = config;
  const sending_queue = queueOf(config, workers);
  return exporterWith(
    settings,
    { timeout, retry_on_failure, sending_queue },
    (batch, context) => writer.push(batch, context),
    {
      start: (host) => writer.start(host),
      shutdown: () => writer.client.close(),
    },
  );
}

function warnOfDeprecated({ logger }: Settings, config: Config, workers: boolean): void {
  if (!workers && config.remote_write_queue.num_consumers !== 5) {
    logger.warn(
      'remote_write_queue.num_consumers is the number of requests of one batch that are sent at a time. ' +
        'max_batch_request_parallelism is the key for that; num_consumers will become the number of batches.',
    );
  }
  if (!config.add_metric_suffixes) {
    logger.warn(
      'add_metric_suffixes is deprecated; the same is translation_strategy: UnderscoreEscapingWithoutSuffixes',
    );
  }
}

/** One batch at a time, so that the points of a series arrive in the order of time. */
function queueOf({ remote_write_queue: queue }: Config, workers: boolean): QueueConfig | undefined {
  if (!queue.enabled) return undefined;
  const { queue_size, storage } = queue;
  return {
    num_consumers: workers ? Math.max(1, queue.num_consumers) : 1,
    queue_size,
    sizer: 'requests',
    block_on_overflow: false,
    wait_for_result: false,
    storage,
    batch: undefined,
  };
}

function translateOptions(settings: Settings, config: Config): TranslateOptions {
  const { translation_strategy: strategy, resource_to_telemetry_conversion: conversion } = config;
  const utf8 = KEEPS_NAMES.has(strategy);
  const permissive = settings.featureGate(PERMISSIVE_GATE);
  const suffixes = strategy === '' ? config.add_metric_suffixes : strategy.endsWith('WithSuffixes');
  const external = Object.entries(config.external_labels);
  if (external.some((pair) => pair.includes(''))) {
    throw new Error('prometheus remote write: external labels configuration contains an empty key or value');
  }
  return {
    utf8,
    permissive,
    externalLabels: new Map(external.map(([key, value]) => [remoteLabelName(key, false, permissive), value])),
    scopeInfo: !config.disable_scope_info,
    promotes: (key) => conversion.enabled && !(conversion.exclude_service_attributes && SERVICE_ATTRIBUTES.has(key)),
    naming: { suffixes, utf8, namespace: config.namespace },
    targetInfo: config.target_info.enabled,
    second: config.protobuf_message === V2,
  };
}

/** Of a batch under way: requests that still have to be written, and what went wrong for good. */
interface Pending {
  bodies: Buffer[];
  refusal: PipelineError | undefined;
}

class RemoteWriter {
  readonly client: HttpClient;
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #metrics: RemoteWriteMetrics;
  readonly #translator: Translator;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #second: boolean;
  readonly #parallel: number;
  /** A batch that is tried again is the same object. */
  readonly #pending = new WeakMap<Telemetry, Pending>();
  #toldOfFailures = false;
  #toldOfHeaders = false;

  constructor(settings: Settings, config: Config, workers: boolean) {
    const { endpoint, protobuf_message, remote_write_queue, max_batch_request_parallelism } = config;
    this.#second = protobuf_message === V2;
    if (this.#second && !settings.featureGate(`${GATE}.enableSendingRW2`)) {
      throw new Error(`remote write v2 is only supported with the feature gate ${GATE}.enableSendingRW2`);
    }
    this.#translator = new Translator(translateOptions(settings, config), Math.floor(settings.random() * 2 ** 32));
    if (urlFault(endpoint, { request: true }) !== undefined || !URL.canParse(endpoint)) {
      throw new Error('invalid endpoint');
    }
    // requests are compressed once, not with every attempt
    this.client = new HttpClient({ ...config, compression: '' }, settings);
    this.#settings = settings;
    this.#config = config;
    const consumers = workers ? PARALLEL_REQUESTS : remote_write_queue.num_consumers;
    this.#parallel = Math.max(1, max_batch_request_parallelism ?? consumers);
    this.#metrics = new RemoteWriteMetrics(settings, withoutPasswords(endpoint), this.#parallel);
    const { description, version } = settings.build;
    this.#headers = {
      'content-encoding': 'snappy',
      'content-type': this.#second
        ? 'application/x-protobuf;proto=io.prometheus.write.v2.Request'
        : 'application/x-protobuf',
      'x-prometheus-remote-write-version': this.#second ? '2.0.0' : '0.1.0',
      'user-agent': `${description.toLowerCase().replaceAll(' ', '-')}/${version}`,
    };
  }

  start(host: Host): void {
    this.client.start(host);
  }

  async push(batch: Telemetry, context: PushContext): Promise<void> {
    let pending = this.#pending.get(batch);
    if (pending === undefined) {
      pending = { bodies: this.#translate(batch), refusal: undefined };
      this.#pending.set(batch, pending);
    }
    const { bodies } = pending;
    const left: { readonly body: Buffer; readonly error: PipelineError }[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
        const error = await this.#write(body, batch, context);
        if (error?.permanent === true) pending.refusal ??= error;
        else if (error !== undefined) left.push({ body, error });
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#parallel, bodies.length) }, worker));
    pending.bodies = left.map(({ body }) => body);
    const failure = left[0]?.error ?? pending.refusal;
    if (failure !== undefined) throw failure;
  }

  #translate(batch: Telemetry): Buffer[] {
    const { series, metadata, failures } = this.#translator.translate(batch);
    this.#metrics.translated(series.size);
    if (failures.count > 0) {
      this.#metrics.translationFailed();
      const fields = { failures: failures.count, reasons: failures.reasons, translated: series.size };
      const message = 'Metrics that cannot be translated are left out';
      if (this.#toldOfFailures) this.#settings.logger.debug(message, fields);
      else this.#settings.logger.warn(`${message}; from now on only the debug log says so`, fields);
      this.#toldOfFailures = true;
    }
    const { max_batch_size_bytes: maxBytes, send_metadata } = this.#config;
    const bodies = this.#second
      ? writeRequests2(series.sorted(), maxBytes)
      : writeRequests(series.sorted(), send_metadata && series.size > 0 ? metadata : [], maxBytes);
    return bodies.map(snappyEncode);
  }

  /** Returns why it was not written. */
  async #write(body: Buffer, batch: Telemetry, { abort }: PushContext): Promise<PipelineError | undefined> {
    const url = this.#config.endpoint;
    this.#metrics.sent();
    try {
      const answer = await this.client.post(url, this.#headers, [body], { abort, context: batch.context });
      if (answer.status < 200 || answer.status > 299) return this.#refusal(answer.status, answer.body);
      if (this.#second) this.#checkWritten(this.#metrics.written(answer.headers));
      return undefined;
    } catch (error) {
      if (error instanceof PipelineError) return error;
      return new PipelineError(`Post ${JSON.stringify(withoutPasswords(url))}: ${dialReason(error)}`, { cause: error });
    }
  }

  #refusal(status: number, body: Buffer): PipelineError {
    const reason = body.toString('utf8', 0, MAX_REASON).trim();
    const throttled = status === 429 && this.#settings.featureGate(`${GATE}.RetryOn429`);
    const said = reason === '' ? '' : `: ${reason}`;
    // without the status of the receiver, which is about our request and not about that of the sender
    return new PipelineError(`remote write request failed, HTTP Status Code ${status}${said}`, {
      permanent: !(status >= 500 && status < 600) && !throttled,
    });
  }

  #checkWritten(missing: readonly string[]): void {
    if (missing.length === 0 || this.#toldOfHeaders) return;
    this.#toldOfHeaders = true;
    this.#settings.logger.warn(
      'The answer lacks headers of remote write 2.0: the receiver may not know it, and drop the data',
      { missing },
    );
  }
}
