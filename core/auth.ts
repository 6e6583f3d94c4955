import type { Component, Host } from './component.ts';
import type { RequestContext } from './telemetry/context.ts';

/** What an extension that authenticates requests to servers has beside `Component`. */
export interface ServerAuthenticator {
  /**
   * Header values by lower-case name. Refuses by throwing or rejecting; the message goes to the client. A PipelineError
   * answers with its own status, any other error with UNAUTHENTICATED or 401. The result is for the context of the
   * request.
   */
  authenticate(
    headers: ReadonlyMap<string, readonly string[]>,
  ): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>>;
}

/** The extension that `auth::authenticator` of a server names. Throws the collector's words where there is none. */
export function serverAuthenticator(host: Host, id: string): ServerAuthenticator {
  const extension: (Component & Partial<ServerAuthenticator>) | undefined = host.extension(id);
  if (extension === undefined) throw new Error(`failed to resolve authenticator "${id}": authenticator not found`);
  if (typeof extension.authenticate !== 'function') {
    throw new Error(`failed to resolve authenticator "${id}": requested authenticator is not a server authenticator`);
  }
  return extension as Component & ServerAuthenticator;
}

/** What an extension that authenticates requests of clients has beside `Component`. */
export interface ClientAuthenticator {
  /** The credentials must not cross a gRPC connection without TLS. Known once the extension has started. */
  readonly requiresTls?: boolean;
  /**
   * Puts credentials into the headers of the next request, by lower-case name, or changes what is there: over HTTP all
   * that is about to be sent, over gRPC nothing. Asked for each request, so that tokens may change. What it throws or
   * rejects with fails the request.
   */
  authorize(headers: Map<string, string>, context: RequestContext): void | Promise<void>;
}

/** Throws, in the collector's words, where credentials would travel in the clear. */
export function checkTransportSecurity(authenticator: ClientAuthenticator, secure: boolean): void {
  if (authenticator.requiresTls !== true || secure) return;
  throw new Error(
    'grpc: the credentials require transport level security (use grpc.WithTransportCredentials() to set)',
  );
}

/** The extension that `auth::authenticator` of a client names. Throws the collector's words where there is none. */
export function clientAuthenticator(host: Pick<Host, 'extension'>, id: string): ClientAuthenticator {
  const extension: (Component & Partial<ClientAuthenticator>) | undefined = host.extension(id);
  if (extension === undefined) throw new Error(`failed to resolve authenticator "${id}": authenticator not found`);
  if (typeof extension.authorize !== 'function') {
    throw new Error(`failed to resolve authenticator "${id}": requested authenticator is not a client authenticator`);
  }
  return extension as Component & ClientAuthenticator;
}
