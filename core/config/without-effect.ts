import { isDeepStrictEqual } from 'node:util';
import type { ConfigNode } from './node.ts';
import { OtherDefault } from './other-default.ts';
import type { Decoder, Schema } from './schema.ts';

/** A field that is read and checked, and changes nothing, which a warning says where something else is asked for. */
class WithoutEffect<T> extends OtherDefault<T> {
  readonly #reason: string;
  readonly #always: T;

  constructor(inner: Schema<T>, reason: string, always: T) {
    super(inner, inner.absent());
    this.#reason = reason;
    this.#always = always;
  }

  override decode(node: ConfigNode, decoder: Decoder): T {
    const value = super.decode(node, decoder);
    // defaults stand in every configuration that was printed
    const usual = [this.#always, this.absent()].some((one) => isDeepStrictEqual(value, one));
    if (!usual) decoder.withoutEffect(node.at, this.#reason);
    return value;
  }
}

/**
 * `withoutEffect('connections stay open', (doc) => duration(doc, '9m'))`: a key of the collector that has no meaning
 * here, and one clause why. `always` is a value that describes what happens anyway, where the default does not.
 */
export function withoutEffect<T>(reason: string, field: (doc: string) => Schema<T>, always?: T): Schema<T> {
  const inner = field(`Without effect: ${reason}.`);
  return new WithoutEffect(inner, reason, always ?? inner.absent());
}
