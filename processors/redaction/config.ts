import { bool, type Infer, maybe, oneOf, secret, string, stringList, struct } from '../../core/config/fields.ts';

const HASHES = ['', 'sha1', 'sha3', 'md5', 'hmac-sha256', 'hmac-sha512'] as const;

/** The least length of the key of an HMAC, in bytes: that of its digest. */
const KEY_LENGTHS: Readonly<Record<string, number>> = { 'hmac-sha256': 32, 'hmac-sha512': 64 };

const sanitizer = (typeName: string, what: string) =>
  struct(typeName, `${what}. Not supported yet: a configuration that enables it does not start.`, {
    enabled: bool('Whether it is on.'),
    attributes: stringList('The attributes it concerns.'),
  });

const urls = struct('url.URLSanitizationConfig', 'Makes URLs that differ in ids into one. Not supported yet.', {
  enabled: bool('Whether it is on; a configuration that enables it does not start.'),
  attributes: stringList('The attributes it concerns.'),
  sanitize_span_name: maybe(bool('Whether it concerns the names of spans.')),
});

const databases = struct('db.DBSanitizerConfig', 'Takes the values out of statements for databases.', {
  sql: sanitizer('db.SQLConfig', 'SQL'),
  redis: sanitizer('db.RedisConfig', 'Redis'),
  valkey: sanitizer('db.ValkeyConfig', 'Valkey'),
  memcached: sanitizer('db.MemcachedConfig', 'Memcached'),
  mongo: sanitizer('db.MongoConfig', 'MongoDB'),
  opensearch: sanitizer('db.OpenSearchConfig', 'OpenSearch'),
  es: sanitizer('db.ESConfig', 'Elasticsearch'),
  sanitize_span_name: maybe(bool('Whether it concerns the names of spans.')),
});

export const config = struct(
  'redactionprocessor.Config',
  'Which attributes stay, and which values are masked.',
  {
    allow_all_keys: bool('Whether all attributes stay; otherwise only allowed_keys and ignored_keys.'),
    allowed_keys: stringList('Attributes that stay; their values are looked at all the same.'),
    ignored_keys: stringList('Attributes that are not looked at.'),
    ignored_key_patterns: stringList('Patterns (RE2) of further such attributes.'),
    blocked_key_patterns: stringList('Patterns of attributes whose whole values are masked.'),
    blocked_values: stringList('Patterns of what is masked in values.'),
    allowed_values: stringList('Patterns of values that are not masked.'),
    redact_all_types: bool('Whether values that are not text are looked at as text.'),
    hash_function: oneOf(
      'What stands for a masked text: its md5, sha1, sha3, hmac-sha256 or hmac-sha512; without this `****`.',
      HASHES,
      '',
      (found) => `unknown HashFunction ${found}, allowed functions are sha1, sha3, md5, hmac-sha256 and hmac-sha512`,
      { ignoreCase: true },
    ),
    hmac_key: secret('The key for hmac-sha256 (32 bytes or more) and hmac-sha512 (64 or more).'),
    summary: string('What was done is written to attributes redaction.*: info for counts, debug for keys as well.'),
    url_sanitizer: urls,
    db_sanitizer: databases,
  },
  {
    validate(value, path, report) {
      const least = KEY_LENGTHS[value.hash_function];
      if (least === undefined) return;
      const name = `"${value.hash_function}"`;
      const length = Buffer.byteLength(value.hmac_key?.reveal() ?? '');
      if (length === 0) report(path, `hmac_key must not be empty when hash_function is ${name}`);
      else if (length < least) {
        report(path, `hmac_key must be at least ${least} bytes long for ${name}, got ${length} bytes`);
      }
    },
  },
);
export type Config = Infer<typeof config>;
