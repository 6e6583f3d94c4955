import type { Exporter, Settings } from '../../core/component.ts';
import { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import { PartialFailure, type PushContext } from '../../core/exporter-helper/types.ts';
import { ConfiguredClient } from '../../core/grpc/configured-client.ts';
import { GrpcError } from '../../core/grpc/grpc-error.ts';
import { take } from '../../core/otlp/split.ts';
import { StatusCode } from '../../core/status-code.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { type Request, RequestEncoder } from './requests.ts';

const METHOD = '/jaeger.api_v2.CollectorService/PostSpans';
/** What a Jaeger collector takes unless configured otherwise is 4 MiB. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Where a collector takes less, requests are made smaller down to this; a single span is often not larger. */
const MIN_REQUEST_BYTES = 16 * 1024;

/** Refusals that sending the same again does not change. Jaeger answers a full queue with RESOURCE_EXHAUSTED. */
const FINAL: ReadonlySet<StatusCode> = new Set([
  StatusCode.INVALID_ARGUMENT,
  StatusCode.NOT_FOUND,
  StatusCode.PERMISSION_DENIED,
  StatusCode.FAILED_PRECONDITION,
  StatusCode.UNIMPLEMENTED,
  StatusCode.UNAUTHENTICATED,
]);

export function jaegerExporter(settings: Settings, config: Config): Exporter {
  const sender = new JaegerSender(settings, config);
  return exporterWith(settings, config, (batch, context) => sender.push(batch, context), {
    start: (host) => sender.client.start(host),
    shutdown: () => sender.client.close(),
    ownDeadline: true,
  });
}

class JaegerSender {
  readonly client: ConfiguredClient;
  readonly #encoder = new RequestEncoder();
  #maxBytes = MAX_REQUEST_BYTES;

  constructor(settings: Settings, config: Config) {
    this.client = new ConfiguredClient(settings, config);
  }

  /** What Jaeger took of the batch is not sent again. */
  async push(batch: Telemetry, context: PushContext): Promise<void> {
    const requests = this.#encoder.encode(batch, this.#maxBytes);
    const failed: Telemetry[] = [];
    let error: PipelineError | undefined;
    let sent = 0;
    for (const request of requests) {
      try {
        await this.#send(request, batch, context);
      } catch (caught) {
        const reason = PipelineError.from(caught);
        error = error === undefined || error.permanent ? reason : error;
        const spans = reason.permanent ? request.spans : batch.items - sent;
        failed.push(slice(batch, sent, spans));
        if (!reason.permanent) break;
      }
      sent += request.spans;
    }
    if (error === undefined) return;
    throw new PartialFailure(error.message, Telemetry.join(failed), {
      code: error.code,
      permanent: error.permanent,
      text: error.text,
      cause: error,
    });
  }

  async #send({ bytes, spans }: Request, batch: Telemetry, { timeoutMs }: PushContext): Promise<void> {
    const ranges = [{ buffer: bytes, start: 0, end: bytes.length }];
    try {
      await this.client.unary(METHOD, { ranges, length: bytes.length, bytes: () => bytes }, timeoutMs, batch.context);
    } catch (caught) {
      if (!(caught instanceof GrpcError)) throw caught;
      const { code, message } = caught;
      const tooLarge = code === StatusCode.RESOURCE_EXHAUSTED && /larger than max/.test(message);
      const permanent = FINAL.has(code) || (tooLarge && !this.#makeSmaller(bytes.length, spans));
      const text = `failed to push trace data via Jaeger exporter: ${message}`;
      throw PipelineError.ofStatus(text, { code, permanent, cause: caught });
    }
  }

  /** Whether the next attempt sends smaller requests. */
  #makeSmaller(bytes: number, spans: number): boolean {
    if (spans === 1 || bytes / 2 < MIN_REQUEST_BYTES) return false;
    this.#maxBytes = Math.min(this.#maxBytes, Math.ceil(bytes / 2));
    return true;
  }
}

/** `count` spans from the one with number `from` on; the batch stays the caller's. */
function slice(batch: Telemetry, from: number, count: number): Telemetry {
  let rest = batch.retain();
  if (from > 0) {
    const parts = take(rest, from);
    parts.head.release();
    rest = parts.rest as Telemetry;
  }
  const { head, rest: others } = take(rest, count);
  others?.release();
  return head;
}
