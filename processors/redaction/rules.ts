import { createHmac, hash } from 'node:crypto';
import { BytesMatcher } from '../../core/match/bytes-matcher.ts';
import { compileRegexp, type Regexp } from '../../core/regexp.ts';
import type { Config } from './config.ts';

const MASK = '****';
const EVERYTHING = compileRegexp('.*');

/** The keys that the processor itself writes and always allows. */
const OWN_KEYS = [
  'redaction.redacted.keys',
  'redaction.redacted.count',
  'redaction.masked.keys',
  'redaction.masked.count',
  'redaction.ignored.count',
];

/** The lists of a configuration, compiled. Keys and values are given as their UTF-8 bytes where they lie. */
export class Rules {
  /** Not looked at. */
  readonly ignored: BytesMatcher;
  /** Those that stay. */
  readonly allowed: BytesMatcher;
  /** Those whose values are masked as a whole. */
  readonly masked: BytesMatcher;
  /** Texts of which something is masked or that are allowed; of all others there is nothing to say. */
  readonly noteworthy: BytesMatcher;
  readonly #allowedValues: readonly Regexp[];
  readonly #blockedValues: readonly Regexp[];
  readonly #maskOf: (text: string) => string;

  /** Throws the collector's message. */
  constructor(config: Config) {
    const ignoredPatterns = compileAll(config.ignored_key_patterns, 'ignore keys');
    this.#blockedValues = compileAll(config.blocked_values, 'block');
    const maskedPatterns = compileAll(config.blocked_key_patterns, 'block keys');
    this.#allowedValues = compileAll(config.allowed_values, 'allow');
    const ignored = new Set(config.ignored_keys);
    const allowed = new Set([...config.allowed_keys, ...OWN_KEYS]);
    this.ignored = new BytesMatcher((key) => ignored.has(key) || anyMatches(ignoredPatterns, key));
    this.allowed = new BytesMatcher((key) => config.allow_all_keys || allowed.has(key));
    this.masked = new BytesMatcher((key) => anyMatches(maskedPatterns, key));
    const values = [...this.#allowedValues, ...this.#blockedValues];
    this.noteworthy = new BytesMatcher((text) => anyMatches(values, text));
    this.#maskOf = masking(config);
  }

  allows(text: string): boolean {
    return anyMatches(this.#allowedValues, text);
  }

  /** The text with everything in it masked, line by line. */
  maskAll(text: string): string {
    return EVERYTHING.replaceAll(text, this.#maskOf);
  }

  /** The text with what is blocked masked. */
  mask(text: string): string {
    let masked = text;
    for (const pattern of this.#blockedValues) {
      if (pattern.test(masked)) masked = pattern.replaceAll(masked, this.#maskOf);
    }
    return masked;
  }
}

function anyMatches(patterns: readonly Regexp[], text: string): boolean {
  for (const pattern of patterns) if (pattern.test(text)) return true;
  return false;
}

function compileAll(patterns: readonly string[], list: string): readonly Regexp[] {
  try {
    return [...new Set(patterns)].map(compileRegexp);
  } catch (error) {
    const cause = (error as Error).message;
    const message = `failed to process ${list} list: error compiling regex in list: ${cause}`;
    throw new Error(`error creating a redaction processor: ${message}`, { cause: error });
  }
}

function masking({ hash_function, hmac_key }: Config): (text: string) => string {
  const key = hmac_key?.reveal() ?? '';
  switch (hash_function) {
    case '':
      return () => MASK;
    case 'sha3':
      return (text) => hash('sha3-256', text, 'hex');
    case 'hmac-sha256':
    case 'hmac-sha512':
      return (text) => createHmac(hash_function.slice('hmac-'.length), key).update(text).digest('hex');
    default:
      return (text) => hash(hash_function, text, 'hex');
  }
}
