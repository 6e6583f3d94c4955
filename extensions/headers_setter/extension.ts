import { type ClientAuthenticator, clientAuthenticator } from '../../core/auth.ts';
import type { Extension, Host, Settings } from '../../core/component.ts';
import { CredentialFile } from '../../core/credential-file.ts';
import type { RequestContext } from '../../core/telemetry/context.ts';
import type { Config, HeaderConfig } from './config.ts';

/** Anything else is upsert, as in the collector. */
const ACTIONS: readonly string[] = ['insert', 'update', 'upsert', 'delete'];

type Source = (context: RequestContext) => string;
type Step = (headers: Map<string, string>, context: RequestContext) => void;

/** Sets headers of requests, from the configuration or from the request that brought the data. */
export class HeadersSetter implements Extension, ClientAuthenticator {
  readonly #steps: readonly Step[];
  readonly #additional: string | undefined;
  readonly #files: CredentialFile[] = [];
  #next: ClientAuthenticator | undefined;

  constructor(settings: Settings, config: Config) {
    this.#additional = config.additional_auth;
    this.#steps = config.headers.map((header) => {
      if (!ACTIONS.includes(header.action)) {
        settings.logger.warn(
          "The action was not provided, using 'upsert'. In future versions, we'll require this to be explicitly set",
        );
      }
      return stepOf(header, this.#sourceOf(header, settings));
    });
  }

  start(host: Host): void {
    if (this.#additional !== undefined) this.#next = clientAuthenticator(host, this.#additional);
    for (const file of this.#files) file.start();
  }

  shutdown(): void {
    for (const file of this.#files) file.stop();
  }

  get requiresTls(): boolean {
    return this.#next?.requiresTls ?? false;
  }

  authorize(headers: Map<string, string>, context: RequestContext): void | Promise<void> {
    for (const step of this.#steps) step(headers, context);
    return this.#next?.authorize(headers, context);
  }

  #sourceOf(header: HeaderConfig, settings: Settings): Source {
    const { value, value_file, from_context, from_attribute, default_value } = header;
    const otherwise = default_value?.reveal() ?? '';
    if (value_file !== undefined && value_file !== '') {
      const file = new CredentialFile(value_file, settings);
      this.#files.push(file);
      return () => file.value;
    }
    if (from_attribute !== undefined) return ({ auth }) => auth?.get(from_attribute) ?? otherwise;
    if (from_context !== undefined) {
      const name = from_context.toLowerCase();
      return ({ metadata }) => only(metadata.get(name) ?? [], otherwise);
    }
    const text = value?.reveal() ?? '';
    return () => text;
  }
}

function only(values: readonly string[], otherwise: string): string {
  if (values.length > 1) {
    const found = `${values.length} source keys found in the context, can't determine which one to use`;
    throw new Error(`failed to determine the source: ${found}`);
  }
  return values[0] ?? otherwise;
}

function stepOf({ action, key }: HeaderConfig, source: Source): Step {
  const name = key.toLowerCase();
  const isThere = (headers: ReadonlyMap<string, string>): boolean => (headers.get(name) ?? '') !== '';
  if (action === 'delete') return (headers) => headers.delete(name);
  return (headers, context) => {
    const value = source(context);
    if (action === 'insert' && isThere(headers)) return;
    if (action === 'update' && !isThere(headers)) return;
    headers.set(name, value);
  };
}
