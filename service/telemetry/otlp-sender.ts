import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:http';
import type { ConnectionOptions } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { builtin } from '../../core/builtin.ts';
import { GrpcClient } from '../../core/grpc/client.ts';
import { grpcDecompressors } from '../../core/grpc/decompressors.ts';
import { splitHostPort } from '../../core/net/listen.ts';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import type { Signal } from '../../core/signal.ts';
import { withoutPasswords } from '../../core/url-password.ts';
import type { OtlpSettings } from './types.ts';

/** Brings encoded export requests of one signal to an OTLP server. */
export interface OtlpSender {
  /** Rejects with one sentence when the server did not take it in time. `payload` is JSON for `http/json`. */
  send(payload: Buffer, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export function otlpSender(signal: Signal, settings: OtlpSettings, userAgent: string): OtlpSender {
  return settings.protocol === 'grpc'
    ? grpcSender(signal, settings, userAgent)
    : httpSender(signal, settings, userAgent);
}

function grpcSender(signal: Signal, settings: OtlpSettings, userAgent: string): OtlpSender {
  const { url, tls } = target(settings);
  const client = new GrpcClient({
    endpoint: splitHostPort(url.port === '' ? `${url.hostname}:${tls ? 443 : 80}` : url.host, 'dial tcp'),
    tls: tls ? tlsOptions(settings) : undefined,
    metadata: headersOf(settings),
    // a server answers in the encoding it was asked in
    decompressors: grpcDecompressors,
    userAgent,
  });
  const gzip = settings.compression === 'gzip';
  return {
    async send(payload, timeoutMs) {
      const buffer = gzip ? gzipSync(payload) : payload;
      const range = { buffer, start: 0, end: buffer.length };
      await client.unary(EXPORT_METHOD[signal], [range], buffer.length, {
        timeoutMs,
        encoding: gzip ? 'gzip' : undefined,
      });
    },
    close: () => client.close(),
  };
}

function httpSender(signal: Signal, settings: OtlpSettings, userAgent: string): OtlpSender {
  const { url, tls } = target(settings);
  if (url.pathname === '/' || url.pathname === '') url.pathname = `/v1/${signal}`;
  const gzip = settings.compression === 'gzip';
  const options: RequestOptions & ConnectionOptions = {
    method: 'POST',
    headers: {
      'content-type': settings.protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
      'user-agent': userAgent,
      ...(gzip ? { 'content-encoding': 'gzip' } : {}),
      ...Object.fromEntries(headersOf(settings)),
    },
    ...(tls ? tlsOptions(settings) : {}),
  };
  return {
    send: (payload, timeoutMs) => post(url, options, gzip ? gzipSync(payload) : payload, timeoutMs),
    close: async () => {},
  };
}

function post(url: URL, options: RequestOptions, body: Buffer, timeoutMs: number): Promise<void> {
  const shown = withoutPasswords(url.href);
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? builtin.https.request : builtin.http.request;
    const signal = timeoutMs > 0 ? { signal: AbortSignal.timeout(timeoutMs) } : {};
    const request = send(url, { ...options, ...signal }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`${shown} answered with status ${status}`));
      });
    });
    request.on('error', (error) => reject(new Error(`cannot send to ${shown}: ${error.message}`, { cause: error })));
    request.end(body);
  });
}

/** Where to send; an endpoint without a scheme is plain text only where the settings say `insecure`. */
function target(settings: OtlpSettings): { url: URL; tls: boolean } {
  const hasScheme = /^https?:\/\//.test(settings.endpoint);
  const text = hasScheme ? settings.endpoint : `${settings.insecure ? 'http' : 'https'}://${settings.endpoint}`;
  if (!URL.canParse(text)) throw new Error(`OTLP exporter: invalid endpoint "${withoutPasswords(settings.endpoint)}"`);
  const url = new URL(text);
  return { url, tls: url.protocol === 'https:' };
}

function headersOf(settings: OtlpSettings): [string, string][] {
  const listed = (settings.headers_list?.reveal() ?? '').split(',').flatMap((entry): [string, string][] => {
    const equals = entry.indexOf('=');
    return equals < 0 ? [] : [[entry.slice(0, equals).trim().toLowerCase(), entry.slice(equals + 1).trim()]];
  });
  return [
    ...listed,
    ...[...settings.headers].map(([name, value]): [string, string] => [name.toLowerCase(), value.reveal()]),
  ];
}

function tlsOptions(settings: OtlpSettings): ConnectionOptions {
  const { certificate = '', client_certificate = '', client_key = '' } = settings;
  return {
    ...(certificate === '' ? {} : { ca: readFileSync(certificate) }),
    ...(client_certificate === '' ? {} : { cert: readFileSync(client_certificate) }),
    ...(client_key === '' ? {} : { key: readFileSync(client_key) }),
  };
}
