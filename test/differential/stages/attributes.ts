import { includeExclude } from '../match.ts';
import type { Random } from '../random.ts';
import type { ConfigMap, Stage } from '../stage.ts';
import { configValue, KEYS, PATTERNS, RESOURCE_KEYS } from '../vocabulary.ts';

const SIGNALS = ['traces', 'metrics', 'logs'] as const;
const EXTRACTIONS = [
  '^(?P<scheme>[a-z]+)',
  '/(?P<tenant>[^/]+)/(?P<version>v\\d)',
  '(?P<user_id>[^@]+)@(?P<host>.*)',
  '(?P<maybe>x)?(?P<rest>.*)$',
  '(?P<word>\\w+) (?P<emoji>.)',
];

export const attributes: Stage = {
  name: 'attributes',
  pipeline(random) {
    const signal = random.pick(SIGNALS);
    const actions = random.list(1, 5, () => action(random, KEYS));
    return { signal, kind: 'processor', type: 'attributes', config: { ...includeExclude(random, signal), actions } };
  },
};

export const resource: Stage = {
  name: 'resource',
  pipeline(random) {
    const actions = random.list(1, 5, () => action(random, RESOURCE_KEYS));
    return { signal: random.pick(SIGNALS), kind: 'processor', type: 'resource', config: { attributes: actions } };
  },
};

function action(random: Random, keys: readonly string[]): ConfigMap {
  const key = random.chance(0.9) ? random.pick(keys) : 'new.key';
  switch (random.below(7)) {
    case 0:
    case 1:
    case 2:
      return { key, action: random.pick(['insert', 'update', 'upsert', 'UPSERT']), ...source(random, keys) };
    case 3:
      return { action: 'delete', ...keyOrPattern(random, key) };
    case 4:
      return { action: 'hash', ...keyOrPattern(random, key) };
    case 5:
      return { key, action: 'extract', pattern: random.pick(EXTRACTIONS) };
    default:
      return { key, action: 'convert', converted_type: random.pick(['string', 'int', 'double']) };
  }
}

function source(random: Random, keys: readonly string[]): ConfigMap {
  const fallback = random.maybe(0.3, 'default_value', () => configValue(random));
  switch (random.below(4)) {
    case 0:
      return { from_attribute: random.pick(keys), ...fallback };
    case 1:
      return {
        from_context: random.pick(['metadata.x-tenant', 'x-tenant', 'client.address', 'metadata.absent']),
        ...fallback,
      };
    default:
      return { value: configValue(random) };
  }
}

function keyOrPattern(random: Random, key: string): ConfigMap {
  const pattern = random.pick(PATTERNS);
  return random.pick<ConfigMap>([{ key }, { key }, { pattern }, { key, pattern }]);
}

const NAME_RULES = ['^(?P<verb>GET|POST) (?P<route>.*)$', '/orders/(?P<order>\\d+)', '(?P<first>[a-z])::', 'process'];

export const span: Stage = {
  name: 'span',
  pipeline(random) {
    const name = random.chance(0.5)
      ? {
          from_attributes: random.some(KEYS, 1, 2),
          ...random.maybe(0.7, 'separator', () => random.pick(['::', ' ', ''])),
        }
      : {};
    const rules = () => ({
      rules: random.list(1, 3, () => random.pick(NAME_RULES)),
      ...random.maybe(0.4, 'break_after_match', () => random.chance(0.7)),
      ...random.maybe(0.3, 'keep_original_name', () => random.chance(0.7)),
    });
    const status = () =>
      random.chance(0.3) ? { code: 'Error', description: 'why' } : { code: random.pick(['Ok', 'Error', 'Unset']) };
    const names = { ...name, ...random.maybe(0.5, 'to_attributes', rules) };
    const renames = Object.keys(names).length > 0;
    const config = {
      ...includeExclude(random, 'traces'),
      ...(renames ? { name: names } : {}),
      ...(renames ? random.maybe(0.3, 'status', status) : { status: status() }),
    };
    return { signal: 'traces', kind: 'processor', type: 'span', config };
  },
};

export const redaction: Stage = {
  name: 'redaction',
  pipeline(random) {
    const keys = [...KEYS, ...RESOURCE_KEYS];
    const patterns = () => random.list(1, 2, () => random.pick(PATTERNS));
    const config = {
      allow_all_keys: random.chance(0.6),
      ...random.maybe(0.6, 'allowed_keys', () => random.some(keys, 1, 8)),
      ...random.maybe(0.3, 'ignored_keys', () => random.some(keys, 1, 2)),
      ...random.maybe(0.2, 'ignored_key_patterns', patterns),
      ...random.maybe(0.4, 'blocked_key_patterns', patterns),
      // of several the collector takes them in random order
      ...random.maybe(0.6, 'blocked_values', () => [random.pick(PATTERNS)]),
      ...random.maybe(0.3, 'allowed_values', patterns),
      ...random.maybe(0.3, 'redact_all_types', () => random.chance(0.8)),
      ...random.maybe(0.3, 'hash_function', () => random.pick(['md5', 'sha1', 'sha3'])),
      ...random.maybe(0.7, 'summary', () => random.pick(['debug', 'info', 'silent'])),
    };
    return { signal: random.pick(SIGNALS), kind: 'processor', type: 'redaction', config };
  },
};
