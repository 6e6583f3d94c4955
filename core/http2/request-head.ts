import type { HeaderField } from './hpack-decoder.ts';

/** Belong to one HTTP/1.1 connection and make a request malformed (RFC 9113 section 8.2.2). */
const CONNECTION_SPECIFIC = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** The header section of a request. Immutable once read, so equal sections of several requests share one. */
export class RequestHead {
  readonly fields: readonly HeaderField[];
  method = '';
  scheme = '';
  path = '';
  authority = '';
  /** Memory of the fields, as HPACK counts it. */
  readonly size: number;
  contentLength: number | undefined;

  constructor(fields: readonly HeaderField[]) {
    this.fields = fields;
    this.size = fields.reduce((sum, field) => sum + field.size, 0);
  }

  get(name: string): string | undefined {
    for (const field of this.fields) if (field.name === name) return field.value;
    return undefined;
  }

  /** Looks at a field that is no pseudo-header; false where it makes the request malformed. */
  protected field(name: string, value: string): boolean {
    switch (name) {
      case 'content-length':
        if (this.contentLength !== undefined || !/^\d{1,15}$/.test(value)) return false;
        this.contentLength = Number(value);
        return true;
      case 'te':
        return value === 'trailers';
      default:
        return !CONNECTION_SPECIFIC.has(name);
    }
  }

  /** Each at most once, and none that RFC 9113 does not know. */
  #pseudo({ name, value }: HeaderField): boolean {
    const key = name.slice(1);
    if (key !== 'method' && key !== 'scheme' && key !== 'path' && key !== 'authority') return false;
    if (this[key] !== '') return false;
    this[key] = value;
    return true;
  }

  /** To be called once; false where the request is malformed (RFC 9113 sections 8.2 and 8.3). */
  parse(): boolean {
    let pseudoAllowed = true;
    for (const field of this.fields) {
      if (field.malformed) return false;
      if (field.name.startsWith(':')) {
        if (!pseudoAllowed || !this.#pseudo(field)) return false;
      } else {
        pseudoAllowed = false;
        if (!this.field(field.name, field.value)) return false;
      }
    }
    return this.method !== '' && this.scheme !== '' && this.path !== '';
  }
}

/** Trailers hold no pseudo-headers (RFC 9113 section 8.1). */
export function trailersAreMalformed(fields: readonly HeaderField[]): boolean {
  return fields.some((field) => field.malformed || field.name.startsWith(':'));
}
