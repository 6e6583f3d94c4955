import type { ConnectionOptions } from 'node:tls';
import { type ClientAuthenticator, checkTransportSecurity, clientAuthenticator } from '../../core/auth.ts';
import type { Timer } from '../../core/clock.ts';
import type { Exporter, Host, Settings } from '../../core/component.ts';
import { type Compressor, compressor } from '../../core/compression/compress.ts';
import type { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import type { PushContext } from '../../core/exporter-helper/types.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import { grpcDecompressors } from '../../core/grpc/decompressors.ts';
import { GrpcError } from '../../core/grpc/grpc-error.ts';
import { CallMetrics } from '../../core/grpc/metrics.ts';
import { parseTarget } from '../../core/grpc/target.ts';
import type { UnaryOptions } from '../../core/grpc/types.ts';
import { userAgent } from '../../core/http/user-agent.ts';
import type { Labels } from '../../core/meter.ts';
import { checkClientMiddlewares } from '../../core/middleware.ts';
import { clientTls } from '../../core/net/tls.ts';
import { reloadTls } from '../../core/net/tls-reload.ts';
import { DROPPED_FIELD, EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { decodeExportResponse } from '../../core/otlp/service.ts';
import type { Signal } from '../../core/signal.ts';
import { StatusCode } from '../../core/status-code.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { pipelineError } from './outcome.ts';

/** gRPC allows no more frequent pings. */
const MIN_KEEPALIVE_MS = 10_000;
const DEFAULT_KEEPALIVE_TIMEOUT_MS = 20_000;

export function otlpGrpcExporter(settings: Settings, config: Config): Exporter {
  const sender = new OtlpGrpcSender(settings, config);
  return exporterWith(settings, config, (batch, context) => sender.push(batch, context), {
    start: (host) => sender.start(host),
    shutdown: () => sender.shutdown(),
    ownDeadline: true,
    labels: () => endpointLabels(config.endpoint),
  });
}

class OtlpGrpcSender {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #calls: CallMetrics;
  readonly #compress: Compressor | undefined;
  readonly #encoding: string | undefined;
  #authenticator: ClientAuthenticator | undefined;
  #client: GrpcClient | undefined;
  /** Replaced when certificates were read again; ends its calls until the next time. */
  #retired: GrpcClient | undefined;
  #reload: Timer | undefined;

  constructor(settings: Settings, config: Config) {
    this.#settings = settings;
    this.#config = config;
    this.#calls = new CallMetrics(settings.meter, settings.clock);
    const { compression } = config;
    if (compression !== '' && compression !== 'none') {
      this.#encoding = compression;
      this.#compress = compressor(compression, 0, true);
    }
  }

  start(host: Host): void {
    const { logger, clock, id } = this.#settings;
    const { auth, tls, middlewares } = this.#config;
    checkClientMiddlewares(host, middlewares);
    if (id.type === 'otlp') logger.warn('"otlp" alias is deprecated; use "otlp_grpc" instead');
    if (auth?.authenticator !== undefined) {
      this.#authenticator = clientAuthenticator(host, auth.authenticator);
      checkTransportSecurity(this.#authenticator, this.#tls() !== undefined);
    }
    this.#client = this.#connect();
    this.#reload = reloadTls(
      tls,
      clock,
      () => {
        const fresh = this.#connect();
        void this.#retired?.close();
        this.#retired = this.#client;
        this.#client = fresh;
      },
      (error) => logger.error('Certificates cannot be read again, those in use stay', { error }),
    );
  }

  async shutdown(): Promise<void> {
    this.#reload?.cancel();
    await Promise.all([this.#client?.close(), this.#retired?.close()]);
  }

  /** Undefined for plain text. A scheme says more than the section. */
  #tls(): ConnectionOptions | undefined {
    const { endpoint, tls } = this.#config;
    const { scheme } = parseTarget(endpoint);
    return scheme === 'http' ? undefined : (clientTls(tls) ?? (scheme === 'https' ? {} : undefined));
  }

  #connect(): GrpcClient {
    const { build, clock, random } = this.#settings;
    const config = this.#config;
    const { endpoint } = parseTarget(config.endpoint);
    const { keepalive } = config;
    return new GrpcClient({
      endpoint,
      tls: this.#tls(),
      authority: config.authority || undefined,
      userAgent: config.user_agent || userAgent(build),
      metadata: [...config.headers].map(([name, value]) => [name, value.reveal()] as const),
      keepalive: keepalive && {
        timeMs: Math.max(keepalive.time, MIN_KEEPALIVE_MS),
        timeoutMs: keepalive.timeout || DEFAULT_KEEPALIVE_TIMEOUT_MS,
        permitWithoutStream: keepalive.permit_without_stream,
      },
      waitForReady: config.wait_for_ready,
      decompressors: grpcDecompressors,
      clock,
      random,
    });
  }

  async push(batch: Telemetry, context: PushContext): Promise<void> {
    const message = this.#compress === undefined ? undefined : await this.#compress(batch.bytes());
    const options: UnaryOptions = {
      timeoutMs: context.timeoutMs,
      encoding: this.#encoding,
      ...(this.#authenticator === undefined ? {} : { metadata: await credentials(this.#authenticator, batch) }),
    };
    const ranges = message === undefined ? batch.ranges : [{ buffer: message, start: 0, end: message.length }];
    try {
      const client = this.#client as GrpcClient;
      const length = message?.length ?? batch.byteLength;
      const method = EXPORT_METHOD[batch.signal];
      const response = await this.#calls.measure(method, () => client.unary(method, ranges, length, options));
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

/** Fails as the collector does, with a status that no retry heals. */
async function credentials(authenticator: ClientAuthenticator, batch: Telemetry): Promise<Map<string, string>> {
  const metadata = new Map<string, string>();
  try {
    await authenticator.authorize(metadata, batch.context);
  } catch (error) {
    const message = `transport: per-RPC creds failed due to error: ${(error as Error).message}`;
    throw pipelineError(new GrpcError(StatusCode.UNAUTHENTICATED, message));
  }
  return metadata;
}

/** An empty answer, or one with an empty PartialSuccess. */
const FULL_SUCCESS_SIZE = 2;

function endpointLabels(endpoint: string): Labels {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(endpoint);
  if (match === null) return { server_address: endpoint };
  return { server_address: (match[1] ?? match[2]) as string, server_port: match[3] as string };
}
