import { compileRegexp } from '../regexp.ts';
import { BytesMatcher } from './bytes-matcher.ts';
import type { MatchProperties } from './config.ts';

/** One of the texts, or a match of one of the patterns. Throws the collector's message. */
export function textMatcher(
  texts: readonly string[],
  { match_type, regexp }: Pick<MatchProperties, 'match_type' | 'regexp'>,
): BytesMatcher {
  if (match_type === 'strict') {
    const allowed = new Set(texts);
    return new BytesMatcher((text) => allowed.has(text));
  }
  if (match_type !== 'regexp') throw new Error(unrecognizedMatchType(match_type));
  const patterns = texts.map(compileRegexp);
  if (regexp?.cacheenabled === true && regexp.cachemaxnumentries < 0) throw new Error('must provide a positive size');
  return new BytesMatcher((text) => patterns.some((pattern) => pattern.test(text)));
}

export function unrecognizedMatchType(matchType: string): string {
  return `unrecognized match_type: '${matchType}', valid types are: [regexp strict]`;
}
