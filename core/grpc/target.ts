import type { Endpoint } from './types.ts';

export interface Target {
  readonly endpoint: Endpoint;
  /** `http://` and `https://` in front decide about TLS whatever the `tls` section says. */
  readonly scheme: 'http' | 'https' | undefined;
}

/**
 * An `endpoint` of a gRPC client: `host:port`, that with `http://` or `https://`, or a name of gRPC's as
 * `dns:///host:port`, `passthrough:///host:port`, `unix:path`, `unix:///path`. Throws on what the check of the
 * configuration should have refused.
 * Source: https://github.com/grpc/grpc/blob/master/doc/naming.md
 */
export function parseTarget(text: string): Target {
  if (text.startsWith('unix:')) return { endpoint: { path: text.replace(/^unix:(\/\/)?/, '') }, scheme: undefined };
  const match = /^(?:([a-z]+):\/\/(?:[^/]*\/)?(?=[^/]))?(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})\/?$/.exec(
    withoutWebScheme(text),
  );
  if (match === null) throw new Error(`address ${text}: not host:port`);
  const scheme = /^(https?):/.exec(text)?.[1] as Target['scheme'];
  return { endpoint: { host: (match[2] ?? match[3]) as string, port: Number(match[4]) }, scheme };
}

const withoutWebScheme = (text: string): string => text.replace(/^https?:\/\//, '');
