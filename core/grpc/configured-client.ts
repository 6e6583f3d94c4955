import type { ConnectionOptions } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { type ClientAuthenticator, checkTransportSecurity, clientAuthenticator } from '../auth.ts';
import type { Timer } from '../clock.ts';
import type { Host, Settings } from '../component.ts';
import { type Compressor, compressor } from '../compression/compress.ts';
import type { GrpcClientConfig } from '../config/sections/grpc-client.ts';
import { userAgent } from '../http/user-agent.ts';
import { checkClientMiddlewares } from '../middleware.ts';
import { clientTls } from '../net/tls.ts';
import { reloadTls } from '../net/tls-reload.ts';
import { StatusCode } from '../status-code.ts';
import type { RequestContext } from '../telemetry/context.ts';
import type { ByteRange } from '../telemetry/telemetry.ts';
import { GrpcClient } from './client.ts';
import { grpcDecompressors } from './decompressors.ts';
import { GrpcError } from './grpc-error.ts';
import { CallMetrics } from './metrics.ts';
import { parseTarget } from './target.ts';
import type { UnaryOptions, UnaryResponse } from './types.ts';

/** gRPC allows no more frequent pings. */
const MIN_KEEPALIVE_MS = 10_000;
const DEFAULT_KEEPALIVE_TIMEOUT_MS = 20_000;

/** A message in pieces, one after another, which must stay unchanged until the call has ended. */
export interface OutgoingMessage {
  readonly ranges: readonly ByteRange[];
  readonly length: number;
  /** All of it in one buffer, for compression. */
  bytes(): Buffer;
}

/**
 * Calls as a gRPC client section says: TLS with certificates read again, compression, metadata, keepalive,
 * authentication. Calls are counted.
 */
export class ConfiguredClient {
  readonly #settings: Settings;
  readonly #config: GrpcClientConfig;
  readonly #calls: CallMetrics;
  readonly #compress: Compressor | undefined;
  readonly #encoding: string | undefined;
  #authenticator: ClientAuthenticator | undefined;
  #client: GrpcClient | undefined;
  /** In use. */
  #tls: ConnectionOptions | undefined;
  #reload: Timer | undefined;

  constructor(settings: Settings, config: GrpcClientConfig) {
    this.#settings = settings;
    this.#config = config;
    this.#calls = new CallMetrics(settings.meter, settings.clock);
    const { compression } = config;
    if (compression !== '' && compression !== 'none') {
      this.#encoding = compression;
      this.#compress = compressor(compression, 0, true);
    }
  }

  /** Reads certificates and finds the authenticator; fails with one sentence. Connects when there is a call. */
  start(host: Host): void {
    const { logger, clock } = this.#settings;
    const { auth, tls, middlewares } = this.#config;
    checkClientMiddlewares(host, middlewares);
    if (auth?.authenticator !== undefined) {
      this.#authenticator = clientAuthenticator(host, auth.authenticator);
      checkTransportSecurity(this.#authenticator, this.#readTls() !== undefined);
    }
    this.#tls = this.#readTls();
    this.#client = this.#connect();
    this.#reload = reloadTls(
      tls,
      clock,
      () => {
        const fresh = this.#readTls();
        if (fresh === undefined || isDeepStrictEqual(fresh, this.#tls)) return;
        this.#tls = fresh;
        this.#client?.renew(fresh);
      },
      (error) => logger.error('Certificates cannot be read again, those in use stay', { error }),
    );
  }

  /** Calls in flight fail. Repeatable. */
  async close(): Promise<void> {
    this.#reload?.cancel();
    await this.#client?.close();
  }

  /** Rejects with a GrpcError. `context` is for the authenticator. */
  async unary(
    method: string,
    message: OutgoingMessage,
    timeoutMs: number,
    context: RequestContext,
  ): Promise<UnaryResponse> {
    const compressed = this.#compress === undefined ? undefined : await this.#compress(message.bytes());
    const options: UnaryOptions = {
      timeoutMs,
      encoding: this.#encoding,
      ...(this.#authenticator === undefined ? {} : { metadata: await credentials(this.#authenticator, context) }),
    };
    const ranges =
      compressed === undefined ? message.ranges : [{ buffer: compressed, start: 0, end: compressed.length }];
    const client = this.#client as GrpcClient;
    const length = compressed?.length ?? message.length;
    return await this.#calls.measure(method, () => client.unary(method, ranges, length, options));
  }

  /** Undefined for plain text. A scheme says more than the section. */
  #readTls(): ConnectionOptions | undefined {
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
      tls: this.#tls,
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
}

/** Fails as the collector does, with a status that no retry heals. */
async function credentials(authenticator: ClientAuthenticator, context: RequestContext): Promise<Map<string, string>> {
  const metadata = new Map<string, string>();
  try {
    await authenticator.authorize(metadata, context);
  } catch (error) {
    const message = `transport: per-RPC creds failed due to error: ${(error as Error).message}`;
    throw new GrpcError(StatusCode.UNAUTHENTICATED, message);
  }
  return metadata;
}
