import type { Component, Host } from './component.ts';

/** What an extension that authenticates requests to servers has beside `Component`. */
export interface ServerAuthenticator {
  /**
   * Header values by lower-case name. Refuses by throwing or rejecting; the message goes to the client. The result is
   * for the context of the request.
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
  /** Headers for the next request, by lower-case name; asked for each request, so that tokens may change. */
  headers(): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>>;
}

/** The extension that `auth::authenticator` of a client names. Throws the collector's words where there is none. */
export function clientAuthenticator(host: Host, id: string): ClientAuthenticator {
  const extension: (Component & Partial<ClientAuthenticator>) | undefined = host.extension(id);
  if (extension === undefined) throw new Error(`failed to resolve authenticator "${id}": authenticator not found`);
  if (typeof extension.headers !== 'function') {
    throw new Error(`failed to resolve authenticator "${id}": requested authenticator is not a client authenticator`);
  }
  return extension as Component & ClientAuthenticator;
}
