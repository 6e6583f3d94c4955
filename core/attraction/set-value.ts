import type { AttributeEditor } from '../otlp/edit/attribute-editor.ts';
import { encodeString } from '../otlp/value-encode.ts';
import type { RequestContext } from '../telemetry/context.ts';
import type { AttributeStep } from './actions.ts';
import type { ActionConfig } from './config.ts';

/** insert, update and upsert. Where there is no value, nothing is done. */
export class SetValue implements AttributeStep {
  readonly #key: Buffer;
  readonly #inserts: boolean;
  readonly #updates: boolean;
  /** The encoded value where it does not come from an attribute. */
  #value: Buffer | undefined;
  readonly #from: Buffer | undefined;
  readonly #default: Buffer | undefined;
  readonly begin?: (context: RequestContext) => void;

  constructor(config: ActionConfig, action: 'insert' | 'update' | 'upsert') {
    this.#key = Buffer.from(config.key);
    this.#inserts = action !== 'update';
    this.#updates = action !== 'insert';
    this.#default = config.default_value?.encoded;
    this.#value = config.value?.encoded ?? this.#default;
    if (config.from_attribute !== '') this.#from = Buffer.from(config.from_attribute);
    if (config.from_context === '') return;
    this.begin = (context) => {
      const text = contextText(context, config.from_context);
      this.#value = text === undefined ? this.#default : encodeString(text);
    };
  }

  apply(attributes: AttributeEditor): void {
    const source = this.#from === undefined ? -1 : attributes.find(this.#from);
    if (source < 0 && this.#value === undefined) return;
    const index = attributes.find(this.#key);
    if (index < 0 ? !this.#inserts : !this.#updates) return;
    if (source >= 0) {
      const from = attributes.bufferOf(source);
      this.#put(attributes, index, from, attributes.valueStart(source), attributes.valueEnd(source));
    } else if (this.#value !== undefined) this.#put(attributes, index, this.#value, 0, this.#value.length);
  }

  #put(attributes: AttributeEditor, index: number, buffer: Buffer, start: number, end: number): void {
    if (index < 0) attributes.add(this.#key, buffer, start, end);
    else attributes.replace(index, this.#key, buffer, start, end);
  }
}

/** Several values of one name are joined; without a prefix the name is one of the metadata. */
function contextText(context: RequestContext, name: string): string | undefined {
  if (name === 'client.address') return context.address ?? '';
  if (name.startsWith('auth.')) return context.auth?.get(name.slice('auth.'.length));
  const key = name.startsWith('metadata.') ? name.slice('metadata.'.length) : name;
  const values = context.metadata.get(key.toLowerCase());
  return values === undefined || values.length === 0 ? undefined : values.join(';');
}
