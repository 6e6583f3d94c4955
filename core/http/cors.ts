/** The `cors` section of a server. */
export interface CorsConfig {
  readonly allowed_origins: readonly string[];
  readonly allowed_headers: readonly string[];
  readonly exposed_headers: readonly string[];
  /** Seconds. */
  readonly max_age: number;
}

/** Answers of a server to web pages of other origins, as the Fetch standard has them. */
export class Cors {
  readonly #config: CorsConfig;
  readonly #origins: readonly RegExp[];

  constructor(config: CorsConfig) {
    this.#config = config;
    this.#origins = config.allowed_origins.map(originPattern);
  }

  /** Headers of the answer to a request with this `Origin`; undefined where the origin may not see it. */
  headers(origin: string): Readonly<Record<string, string>> | undefined {
    if (!this.#origins.some((pattern) => pattern.test(origin))) return undefined;
    const headers: Record<string, string> = {
      'access-control-allow-origin': this.#config.allowed_origins.includes('*') ? '*' : origin,
      'access-control-allow-credentials': 'true',
    };
    const { exposed_headers } = this.#config;
    if (exposed_headers.length > 0) headers['access-control-expose-headers'] = exposed_headers.join(', ');
    return headers;
  }

  /** Headers of the 204 to a preflight: what the page asks for is granted or nothing is. */
  preflight(origin: string, method: string, requested: string | undefined): Readonly<Record<string, string>> {
    const headers = this.headers(origin);
    const names = (requested ?? '').split(',').map((name) => name.trim().toLowerCase());
    if (headers === undefined || !names.every((name) => this.#allowsHeader(name))) return {};
    return {
      ...headers,
      'access-control-allow-methods': method,
      ...(requested === undefined ? {} : { 'access-control-allow-headers': requested }),
      ...(this.#config.max_age > 0 ? { 'access-control-max-age': String(this.#config.max_age) } : {}),
    };
  }

  #allowsHeader(name: string): boolean {
    const allowed = this.#config.allowed_headers.map((header) => header.toLowerCase());
    return name === '' || SAFE_HEADERS.includes(name) || allowed.includes('*') || allowed.includes(name);
  }
}

/** Allowed whatever is configured. */
const SAFE_HEADERS = ['accept', 'content-type', 'x-requested-with', 'origin'];

function originPattern(origin: string): RegExp {
  const source = origin.replace(/[.*+?^${}()|[\]\\]/g, (c) => (c === '*' ? '.*' : `\\${c}`));
  return new RegExp(`^${source}$`, 'i');
}
