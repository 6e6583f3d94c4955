import type { Exporter, Host, Settings } from '../../core/component.ts';
import type { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import type { PushContext } from '../../core/exporter-helper/types.ts';
import { ConfiguredClient } from '../../core/grpc/configured-client.ts';
import type { Labels } from '../../core/meter.ts';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { reportPartialSuccess } from '../../core/otlp/partial-success.ts';
import { decodeExportResponse } from '../../core/otlp/service.ts';
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
      const { message: answer } = response;
      if (answer.length > FULL_SUCCESS_SIZE) {
        reportPartialSuccess(this.#settings, batch.signal, decodeExportResponse(answer));
      }
    } catch (error) {
      throw pipelineError(error) satisfies PipelineError;
    }
  }
}

/** An empty answer, or one with an empty PartialSuccess. */
const FULL_SUCCESS_SIZE = 2;

function endpointLabels(endpoint: string): Labels {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(endpoint);
  if (match === null) return { server_address: endpoint };
  return { server_address: (match[1] ?? match[2]) as string, server_port: match[3] as string };
}
