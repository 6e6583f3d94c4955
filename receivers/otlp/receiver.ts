import type { ListenOptions } from 'node:net';
import { type ServerAuthenticator, serverAuthenticator } from '../../core/auth.ts';
import type { Timer } from '../../core/clock.ts';
import type { Host, Receiver, Settings } from '../../core/component.ts';
import type { Outputs } from '../../core/consumer.ts';
import { measureMethods } from '../../core/grpc/metrics.ts';
import { GrpcServer } from '../../core/grpc/server.ts';
import type { Endpoint } from '../../core/grpc/types.ts';
import { endpointLabels, measureServer } from '../../core/http/metrics.ts';
import { urlPathOf } from '../../core/http/path.ts';
import { HttpServer } from '../../core/http/server.ts';
import { serverMiddlewares } from '../../core/middleware.ts';
import { hintIfUnreachable } from '../../core/net/container.ts';
import { listenError, listenOptions } from '../../core/net/listen.ts';
import { serverTls } from '../../core/net/tls.ts';
import { reloadTls } from '../../core/net/tls-reload.ts';
import { SIGNALS } from '../../core/signal.ts';
import type { Config, GrpcConfig, HttpConfig } from './config.ts';
import { grpcOptions } from './grpc.ts';
import { httpGate, httpHandler, maxBodyOf } from './http.ts';
import { type Guards, limitCounter } from './ingest.ts';

/** Requests under way at a shutdown get this long; well below the time a process manager gives. */
const GRACE_MS = 5000;

/** Serves `protocols.grpc` and `protocols.http`, each where the configuration has it. */
export class OtlpReceiver implements Receiver {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #outputs: Outputs;
  readonly #reloads: Timer[] = [];
  #grpc: GrpcServer | undefined;
  #http: HttpServer | undefined;

  constructor(settings: Settings, config: Config, outputs: Outputs) {
    this.#settings = settings;
    this.#config = config;
    this.#outputs = outputs;
  }

  async start(host: Host): Promise<void> {
    const { grpc, http } = this.#config.protocols;
    try {
      if (grpc !== undefined) await this.#startGrpc(grpc, host);
      if (http !== undefined) await this.#startHttp(http, host);
    } catch (error) {
      await this.shutdown();
      throw error;
    }
  }

  async shutdown(): Promise<void> {
    for (const timer of this.#reloads) timer.cancel();
    await Promise.all([this.#grpc?.close(GRACE_MS), this.#http?.close(GRACE_MS)]);
  }

  async #startGrpc(config: GrpcConfig, host: Host): Promise<void> {
    const transport = config.transport === '' ? 'tcp' : config.transport;
    const endpoint = endpointOf(await listenOptions(transport, config.endpoint));
    const tls = config.tls && serverTls(config.tls);
    const { meter, clock } = this.#settings;
    const options = grpcOptions(this.#settings, config, this.#outputs, endpoint, tls, guards(config, host));
    const server = new GrpcServer({ ...options, methods: measureMethods(options.methods, meter, clock) });
    const bound = await server.listen().catch((error) => {
      throw listenError(transport, config.endpoint, error);
    });
    this.#grpc = server;
    this.#settings.logger.info('Starting GRPC server', {
      endpoint: typeof bound === 'string' ? bound : boundEndpoint(bound.address, bound.port),
    });
    if (typeof bound !== 'string') this.#hintIfUnreachable(bound.address, 'grpc');
    this.#reload(config.tls, () => config.tls && server.setSecureContext(serverTls(config.tls)));
  }

  async #startHttp(config: HttpConfig, host: Host): Promise<void> {
    const { logger, clock } = this.#settings;
    if (
      config.cors !== undefined &&
      config.cors.allowed_origins.length === 0 &&
      config.cors.allowed_headers.length > 0
    ) {
      logger.warn('The CORS configuration specifies allowed headers but no allowed origins, and is therefore ignored.');
    }
    const server = new HttpServer({
      address: config,
      tls: config.tls && serverTls(config.tls),
      handler: measureServer(httpHandler(config, this.#outputs), {
        meter: this.#settings.meter,
        clock,
        labels: endpointLabels(config.endpoint, config.tls !== undefined),
        routes: SIGNALS.filter((signal) => this.#outputs.for(signal) !== undefined)
          .map((signal) => urlPathOf(config[`${signal}_url_path`]))
          .filter((path) => typeof path === 'string'),
      }),
      authenticate: httpGate(config, guards(config, host)),
      maxConnections: config.max_connections,
      onLimit: limitCounter(this.#settings, 'http'),
      maxBodyBytes: maxBodyOf(config),
      timeouts: {
        readHeaderMs: config.read_header_timeout,
        readMs: config.read_timeout,
        writeMs: config.write_timeout,
        idleMs: config.idle_timeout,
      },
      keepAlive: config.keep_alives_enabled,
      clock,
      onError: (error) => logger.debug('Connection failed', { error }),
    });
    const { host: address, port } = await server.listen();
    this.#http = server;
    logger.info('Starting HTTP server', { endpoint: boundEndpoint(address, port) });
    this.#hintIfUnreachable(address, 'http');
    this.#reload(config.tls, () => config.tls && server.setSecureContext(serverTls(config.tls)));
  }

  #hintIfUnreachable(address: string, protocol: string): void {
    hintIfUnreachable(this.#settings.logger, address, `protocols::${protocol}::endpoint`);
  }

  #reload(tls: HttpConfig['tls'], apply: () => void): void {
    const { clock, logger } = this.#settings;
    const timer = reloadTls(tls, clock, apply, (error) =>
      logger.error('Certificates cannot be read again, those in use stay', { error }),
    );
    if (timer !== undefined) this.#reloads.push(timer);
  }
}

/** Port 0 stands for a socket in the file system. */
function boundEndpoint(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function endpointOf(options: ListenOptions): Endpoint {
  return options.path === undefined
    ? { ...options, host: options.host ?? '', port: options.port ?? 0 }
    : { path: options.path };
}

function guards(config: GrpcConfig | HttpConfig, host: Host): Guards {
  const id = config.auth?.authenticator;
  const authenticator: ServerAuthenticator | undefined = id === undefined ? undefined : serverAuthenticator(host, id);
  return { authenticator, middlewares: serverMiddlewares(host, config.middlewares) };
}
