import type { Component, Host } from './component.ts';

/** What an extension that stands in front of servers (`middlewares`) has beside `Component`. */
export interface ServerMiddleware {
  /** Called for each request that is let in, before its body is read. Refuses by throwing a PipelineError. */
  admit(): void;
}

/** The extensions that `middlewares` of a server name. Throws, in the collector's words, where one is not there. */
export function serverMiddlewares(
  host: Host,
  list: readonly { readonly id: string | undefined }[],
): readonly ServerMiddleware[] {
  return list.map(({ id = '' }) => {
    const extension: (Component & Partial<ServerMiddleware>) | undefined = host.extension(id);
    if (extension === undefined) throw new Error(`failed to resolve middleware "${id}": middleware not found`);
    if (typeof extension.admit !== 'function') {
      throw new Error(`failed to resolve middleware "${id}": requested extension is not a middleware`);
    }
    return extension as Component & ServerMiddleware;
  });
}

/** No extension stands in front of clients yet: naming one is a mistake that must not pass unseen. */
export function checkClientMiddlewares(host: Host, list: readonly { readonly id: string | undefined }[]): void {
  for (const { id = '' } of list) {
    const known = host.extension(id) !== undefined;
    const reason = known ? 'requested extension is not a client middleware' : 'middleware not found';
    throw new Error(`failed to resolve middleware "${id}": ${reason}`);
  }
}
