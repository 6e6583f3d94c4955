import type { AnyValue, KeyValue } from '../../core/otlp/tree.ts';
import type { Random } from './random.ts';

/** When everything happens, in nanoseconds. */
export const START = 1_760_000_000_000_000_000n;
export const SECOND = 1_000_000_000n;

/**
 * What telemetry and configurations are made of. It is small, so that the conditions of one hit the other; it has the
 * odd things too.
 */
export const KEYS = [
  'http.method',
  'http.status_code',
  'http.url',
  'db.statement',
  'user.email',
  'user_id',
  'tenant',
  'retry',
  'ratio',
  'empty',
  'list',
  'map',
  'blob',
  'sampling.priority',
];
export const RESOURCE_KEYS = ['service.name', 'service.namespace', 'service.instance.id', 'host.name', 'env', 'tenant'];
export const SERVICES = ['checkout', 'cart', 'front-end', 'Billing', ''];
export const SPAN_NAMES = ['GET /cart', 'POST /api/v1/orders/4711', 'SELECT', 'process', 'a::b::c', ''];
export const SCOPES = ['io.opentelemetry.http', 'my.scope', ''];
export const VERSIONS = ['', '1.0.0', '2'];
export const METRICS = ['http.requests', 'queue.size', 'rpc.duration', 'gc_pause', 'cpu.utilization', 'no unit!'];
export const BODIES = ['user logged in', 'payment 4111111111111111 failed', 'ERROR: timeout', ''];
export const SEVERITIES = ['INFO', 'ERROR', 'warn', ''];
export const TEXTS = [
  'GET',
  'POST',
  'acme',
  'a@example.com',
  '/api/v1/orders/4711?x=1',
  '42',
  '3.5',
  '1e3',
  'true',
  'Zürich 🙂',
  '4111111111111111',
  '',
];
/** Patterns, most of which hit something of the above. */
export const PATTERNS = [
  '^http\\.',
  'e',
  '.*',
  'user[._]',
  '^GET',
  '(?i)billing',
  '\\d+',
  '[[:upper:]]+',
  '^$',
  'orders/\\d{4}',
  'x*',
  '^(cart|checkout)$',
];

/** Mostly of the type that fits the key, sometimes of any. */
export function valueFor(key: string, random: Random): AnyValue {
  if (random.chance(0.2)) return anyValue(random, 2);
  switch (key) {
    case 'http.status_code':
      return { intValue: BigInt(random.pick([200, 404, 500])) };
    case 'retry':
      return { boolValue: random.chance(0.5) };
    case 'ratio':
      return { doubleValue: random.pick([0.25, 1, -3.7, 1e21, 1e-7]) };
    case 'empty':
      return {};
    case 'list':
      return { arrayValue: { values: random.list(0, 3, () => anyValue(random, 1)) } };
    case 'map':
      return { kvlistValue: { values: attributes(random, KEYS, 0, 3, 1) } };
    case 'blob':
      return { bytesValue: random.bytes(random.below(5)) };
    case 'sampling.priority':
      return random.pick<AnyValue>([{ intValue: 0n }, { intValue: 1n }, { doubleValue: 0.5 }, { stringValue: '2' }]);
    case 'service.name':
      return { stringValue: random.pick(SERVICES) };
    default:
      return { stringValue: random.pick(TEXTS) };
  }
}

function anyValue(random: Random, depth: number): AnyValue {
  switch (random.below(depth > 0 ? 8 : 5)) {
    case 0:
      return { stringValue: random.pick(TEXTS) };
    case 1:
      return { intValue: random.pick([0n, 1n, -5n, 42n, 2n ** 63n - 1n, -(2n ** 63n)]) };
    case 2:
      return { doubleValue: random.pick([0, 1, 42, 3.5, -0.1, 1e300, 123456789]) };
    case 3:
      return { boolValue: random.chance(0.5) };
    case 4:
      return {};
    case 5:
      return { bytesValue: random.bytes(random.below(4)) };
    case 6:
      return { arrayValue: { values: random.list(0, 2, () => anyValue(random, depth - 1)) } };
    default:
      return { kvlistValue: { values: attributes(random, KEYS, 0, 2, depth - 1) } };
  }
}

/** Attributes with different keys. */
export function attributes(
  random: Random,
  keys: readonly string[],
  least: number,
  most: number,
  depth = 2,
): KeyValue[] {
  return random.some(keys, least, most).map((key) => ({
    key,
    value: depth > 0 ? valueFor(key, random) : { stringValue: random.pick(TEXTS) },
  }));
}

/** A value as configurations have it. */
export function configValue(random: Random): string | number | boolean {
  return random.pick<string | number | boolean>([
    random.pick(TEXTS),
    random.pick([0, 1, 200, -7]),
    2.5,
    random.chance(0.5),
  ]);
}
