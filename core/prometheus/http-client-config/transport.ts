import { readFileSync } from 'node:fs';
import type * as http from 'node:http';
import type * as https from 'node:https';
import type * as net from 'node:net';
import { builtin } from '../../builtin.ts';
import type { Clock } from '../../clock.ts';
import { Secret } from '../../config/secret.ts';
import { tlsClient } from '../../config/sections/tls.ts';
import { fileFault } from '../../file-fault.ts';
import { retireAgent } from '../../net/retire-agent.ts';
import { connectEmitting } from '../../net/shared-read.ts';
import { clientTls } from '../../net/tls.ts';
import type { PrometheusTlsConfig, ProxyConfig } from './config.ts';
import { bypassesProxy } from './no-proxy.ts';

/** As Prometheus: above any sane interval, so that each scrape finds the connection of the one before. */
const IDLE_MS = 300_000;
/** As Prometheus; further idle connections to one host are closed. */
const MAX_IDLE_PER_HOST = 1000;
/** Files are looked at again no sooner than this: hundreds of scrapes a second share one look. */
const RELOAD_MS = 1000;

export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body?: string;
  /** Given the request as soon as there is one, to end it. */
  readonly onRequest?: (request: http.ClientRequest) => void;
}

/** A silent connection is probed after this time, so that a watch notices within a minute that its server is gone. */
const PROBE_MS = 30_000;

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

/** Connections to servers, kept and taken again, with TLS and through a proxy as configured. Files are followed. */
export class Transport {
  readonly #tls: PrometheusTlsConfig;
  readonly #proxy: ProxyConfig;
  readonly #clock: Clock;
  #material: string | undefined;
  #checkedAt = 0;
  #direct: Agents | undefined;
  #proxied: Agents | undefined;

  constructor(tls: PrometheusTlsConfig, proxy: ProxyConfig, clock: Clock) {
    this.#tls = tls;
    this.#proxy = proxy;
    this.#clock = clock;
  }

  /** Reads certificates; fails with one sentence. Without it, that happens with the first request. */
  start(): void {
    this.#follow();
  }

  /** Ends all connections. */
  close(): void {
    for (const agents of [this.#direct, this.#proxied]) {
      agents?.http.destroy();
      agents?.https.destroy();
    }
  }

  /** Resolves with the head of the answer. A kept connection that the peer closed meanwhile is replaced once. */
  async send(request: TransportRequest): Promise<http.IncomingMessage> {
    this.#follow();
    try {
      return await this.#exchange(request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return await this.#exchange(request);
    }
  }

  #exchange({ method, url, headers, body, onRequest }: TransportRequest): Promise<http.IncomingMessage> {
    const agents = this.#agentsFor(url);
    const secure = url.protocol === 'https:';
    const options = { method, headers, agent: secure ? agents?.https : agents?.http };
    return new Promise((resolve, reject) => {
      const request = secure ? builtin.https.request(url, options) : builtin.http.request(url, options);
      request.on('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => {
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      onRequest?.(request);
      request.end(body);
    });
  }

  #agentsFor(url: URL): Agents | undefined {
    const { proxy_url: proxy, no_proxy: none, proxy_from_environment: environment } = this.#proxy;
    if (environment) {
      const list = process.env.no_proxy ?? process.env.NO_PROXY ?? '';
      return bypassesProxy(list, url) ? this.#direct : this.#proxied;
    }
    if (proxy === '' || (none !== '' && bypassesProxy(none, url))) return this.#direct;
    return this.#proxied;
  }

  /** New connections for new certificates. What is under way goes on with the old ones. */
  #follow(): void {
    const now = this.#clock.monotonic();
    if (this.#direct !== undefined && now - this.#checkedAt < RELOAD_MS) return;
    this.#checkedAt = now;
    const { ca, ca_file, cert, cert_file, key, key_file } = this.#tls;
    const material = {
      ca: ca_file === '' ? ca : readCertificate('CA cert', ca_file),
      cert: cert_file === '' ? cert : readCertificate('client cert', cert_file),
      key: key_file === '' ? (key?.reveal() ?? '') : readCertificate('client key', key_file),
    };
    const fingerprint = JSON.stringify(material);
    if (fingerprint === this.#material) return;
    const tls = this.#tlsOptions(material);
    for (const agents of [this.#direct, this.#proxied]) {
      for (const agent of agents === undefined ? [] : [agents.http, agents.https]) retireAgent(agent);
    }
    this.#direct = makeAgents(tls, undefined);
    const { proxy_url: url, proxy_from_environment: environment } = this.#proxy;
    if (environment) this.#proxied = makeAgents(tls, withoutExceptions(process.env));
    else if (url !== '') this.#proxied = makeAgents(tls, { HTTP_PROXY: url, HTTPS_PROXY: url });
    this.#material = fingerprint;
  }

  #tlsOptions(material: { readonly ca: string; readonly cert: string; readonly key: string }) {
    const pem = (text: string): Secret | undefined => (text === '' ? undefined : new Secret(text));
    const config = {
      ...tlsClient.absent(),
      ca_pem: pem(material.ca),
      cert_pem: pem(material.cert),
      key_pem: pem(material.key),
      insecure_skip_verify: this.#tls.insecure_skip_verify,
      server_name_override: this.#tls.server_name,
      min_version: version(this.#tls.min_version),
      max_version: version(this.#tls.max_version),
    };
    return clientTls(config, 'later') ?? {};
  }
}

class StaleConnection extends Error {}

function makeAgents(tls: https.AgentOptions, proxyEnv: NodeJS.ProcessEnv | undefined): Agents {
  const options: http.AgentOptions = {
    keepAlive: true,
    keepAliveMsecs: PROBE_MS,
    maxFreeSockets: MAX_IDLE_PER_HOST,
    timeout: IDLE_MS,
    ...(proxyEnv === undefined ? {} : { proxyEnv }),
  };
  const agents = { http: new builtin.http.Agent(options), https: new builtin.https.Agent({ ...options, ...tls }) };
  if (proxyEnv === undefined) agents.http.createConnection = (target) => connectEmitting(target as net.NetConnectOpts);
  return agents;
}

/** Which hosts are reached without the proxy was decided before. */
function withoutExceptions(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { no_proxy: _lower, NO_PROXY: _upper, ...rest } = environment;
  return rest;
}

function readCertificate(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`unable to read ${what}: unable to read file ${file}: ${fileFault(file, error)}`);
  }
}

/** TLS12 → 1.2 */
const version = (name: string): string => (name === '' ? '' : `${name[3]}.${name[4]}`);
