import { stringList as commaList } from './collections.ts';
import { string } from './scalars.ts';
import type { Schema } from './schema.ts';

export { any, type Headers, headers, list, mapOf } from './collections.ts';
export { duration, float, int, uint32, uint64 } from './numbers.ts';
export { maybe, type OptionalOptions, optional } from './optional.ts';
export { bool, componentId, oneOf, secret, string } from './scalars.ts';
export type { Infer, Report } from './schema.ts';
export { Secret } from './secret.ts';
export { type InferFields, type LegacyKey, type Struct, struct } from './struct.ts';
export { withoutEffect } from './without-effect.ts';

/** A list of strings; a scalar is split at commas, as the collector does. */
export const stringList = (doc: string, def: readonly string[] = []): Schema<readonly string[]> =>
  commaList(doc, string(doc), def);
