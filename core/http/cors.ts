/** The `cors` section of a server. */
export interface CorsConfig {
  readonly allowed_origins: readonly string[];
  readonly allowed_headers: readonly string[];
  readonly exposed_headers: readonly string[];
  /** Seconds; below 0 for not at all, 0 to say nothing about it. */
  readonly max_age: number;
}

/** The methods that pages may use: the simple ones of the Fetch standard, and those of preflights. */
const METHODS: readonly string[] = ['GET', 'POST', 'HEAD', 'OPTIONS'];
/** Headers that pages may send where the section names none; a list replaces them, as in the collector. */
const USUAL_HEADERS: readonly string[] = ['accept', 'content-type', 'x-requested-with'];

/** Answers of a server to web pages of other origins, as the Fetch standard and the collector have them. */
export class Cors {
  readonly #config: CorsConfig;
  readonly #origins: readonly RegExp[];
  readonly #headers: readonly string[];
  readonly #exposed: string;
  readonly #maxAge: Readonly<Record<string, string>>;

  constructor(config: CorsConfig) {
    this.#config = config;
    this.#origins = config.allowed_origins.map(originPattern);
    const { allowed_headers } = config;
    this.#headers = allowed_headers.length === 0 ? USUAL_HEADERS : allowed_headers.map((name) => name.toLowerCase());
    this.#exposed = config.exposed_headers.map(canonical).join(', ');
    const { max_age } = config;
    this.#maxAge = max_age === 0 ? {} : { 'access-control-max-age': String(Math.max(0, max_age)) };
  }

  /** Headers of the answer to a request with this `Origin`; undefined where the origin may not see it. */
  headers(origin: string, method = 'GET'): Readonly<Record<string, string>> | undefined {
    const granted = this.#grant(origin, method);
    if (granted === undefined || this.#exposed === '') return granted;
    return { ...granted, 'access-control-expose-headers': this.#exposed };
  }

  /** Headers of the 204 to a preflight: what the page asks for is granted or nothing is. */
  preflight(origin: string, method: string, requested: string | undefined): Readonly<Record<string, string>> {
    const granted = this.#grant(origin, method);
    const names = (requested ?? '').split(',').map((name) => name.trim().toLowerCase());
    if (granted === undefined || !names.every((name) => this.#allowsHeader(name))) return {};
    return {
      ...granted,
      'access-control-allow-methods': method,
      ...(requested === undefined || requested === '' ? {} : { 'access-control-allow-headers': requested }),
      ...this.#maxAge,
    };
  }

  #grant(origin: string, method: string): Record<string, string> | undefined {
    if (origin === '' || !METHODS.includes(method) || !this.#origins.some((pattern) => pattern.test(origin)))
      return undefined;
    return {
      'access-control-allow-origin': this.#config.allowed_origins.includes('*') ? '*' : origin,
      'access-control-allow-credentials': 'true',
    };
  }

  #allowsHeader(name: string): boolean {
    return name === '' || this.#headers.includes('*') || this.#headers.includes(name);
  }
}

/** `x-two` → `X-Two`. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

/** Only the first `*` stands for any text. */
function originPattern(origin: string): RegExp {
  const source = origin.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace('\\*', '.*');
  return new RegExp(`^${source}$`, 'i');
}
