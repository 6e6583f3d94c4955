import { RequestHead } from '../http2/request-head.ts';
import { parseTimeout } from './timeout.ts';

/** Belong to the protocol, not to the application's metadata. */
const RESERVED = new Set(['te', 'grpc-encoding', 'grpc-message', 'grpc-message-type', 'grpc-status', 'grpc-timeout']);

/** The header section of a call. */
export class CallHead extends RequestHead {
  contentType = '';
  encoding = '';
  /** NaN where it is malformed. */
  timeoutMs: number | undefined;
  #metadata: ReadonlyMap<string, readonly string[]> | undefined;

  get metadata(): ReadonlyMap<string, readonly string[]> {
    this.#metadata ??= this.#toMetadata();
    return this.#metadata;
  }

  #toMetadata(): ReadonlyMap<string, readonly string[]> {
    const metadata = new Map<string, string[]>();
    for (const { name, value } of this.fields) {
      if (RESERVED.has(name) || (name.startsWith(':') && name !== ':authority')) continue;
      const values = metadata.get(name);
      if (values === undefined) metadata.set(name, [value]);
      else values.push(value);
    }
    return metadata;
  }

  protected override field(name: string, value: string): boolean {
    switch (name) {
      case 'content-type':
        this.contentType = value;
        return true;
      case 'grpc-encoding':
        this.encoding = value === 'identity' ? '' : value;
        return true;
      case 'grpc-timeout':
        this.timeoutMs = parseTimeout(value) ?? Number.NaN;
        return true;
      default:
        return super.field(name, value);
    }
  }
}
