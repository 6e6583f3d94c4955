/** More than a server that uses cookies to pick a backend sets. */
const MAX_COOKIES = 100;

/** Keeps the cookies of one server by name (RFC 6265), for load balancers that stick by them. */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  /** Takes `Set-Cookie` values. */
  store(values: readonly string[]): void {
    for (const value of values) {
      const [pair = '', ...attributes] = value.split(';');
      const equals = pair.indexOf('=');
      if (equals < 1) continue;
      const name = pair.slice(0, equals).trim();
      const expired = attributes.some((attribute) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(attribute));
      if (expired) this.#cookies.delete(name);
      else if (this.#cookies.size < MAX_COOKIES || this.#cookies.has(name)) {
        this.#cookies.set(name, pair.slice(equals + 1).trim());
      }
    }
  }

  /** The `Cookie` header; undefined where there are none. */
  header(): string | undefined {
    if (this.#cookies.size === 0) return undefined;
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}
