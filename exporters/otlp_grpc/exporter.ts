import type { Exporter, Host, Settings } from '../../core/component.ts';
import type { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import type { PushContext } from '../../core/exporter-helper/types.ts';
import { ConfiguredClient } from '../../core/grpc/configured-client.ts';
import type { Labels } from '../../core/meter.ts';
import { DROPPED_FIELD, EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { decodeExportResponse } from '../../core/otlp/service.ts';
import type { Signal } from '../../core/signal.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { pipelineError } from './outcome.ts';

export function otlpGrpcExporter(settings: Settings, config: Config): Exporter {
  const sender = new OtlpGrpcSender(settings, config);
  return exporterWith(settings, config, (batch, context) => sender.push(batch, context), {
    start: (host) => sender.start(host),
    shutdown: () => sender.client.close(),
    ownDeadline: true,
    labels: () => endpointLabels(config.endpoint),
  });
}

class OtlpGrpcSender {
  readonly client: ConfiguredClient;
  readonly #settings: Settings;

  constructor(settings: Settings, config: Config) {
    this.client = new ConfiguredClient(settings, config);
    this.#settings = settings;
  }

  start(host: Host): void {
    const { logger, id } = this.#settings;
    if (id.type === 'otlp') logger.warn('"otlp" alias is deprecated; use "otlp_grpc" instead');
    this.client.start(host);
  }

  async push(batch: Telemetry, { timeoutMs }: PushContext): Promise<void> {
    const message = { ranges: batch.ranges, length: batch.byteLength, bytes: () => batch.bytes() };
    try {
      const response = await this.client.unary(EXPORT_METHOD[batch.signal], message, timeoutMs, batch.context);
      this.#logPartialSuccess(batch.signal, response.message);
    } catch (error) {
      throw pipelineError(error) satisfies PipelineError;
    }
  }

  /** What the peer did not take, it will not take a second time. */
  #logPartialSuccess(signal: Signal, response: Buffer): void {
    if (response.length <= FULL_SUCCESS_SIZE) return;
    const { rejected, errorMessage } = decodeExportResponse(response);
    if (rejected === 0 && errorMessage === '') return;
    this.#settings.logger.warn('Partial success response', {
      message: errorMessage,
      [DROPPED_FIELD[signal]]: rejected,
    });
  }
}

/** An empty answer, or one with an empty PartialSuccess. */
const FULL_SUCCESS_SIZE = 2;

function endpointLabels(endpoint: string): Labels {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(endpoint);
  if (match === null) return { server_address: endpoint };
  return { server_address: (match[1] ?? match[2]) as string, server_port: match[3] as string };
}
