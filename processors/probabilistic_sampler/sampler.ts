import { fnv1a32, fnv1a32Seed } from '../../core/sampling/fnv.ts';
import {
  ALWAYS,
  type Bits56,
  isBelow,
  MAX_RANDOMNESS,
  MIN_PROBABILITY,
  NEVER,
  probabilityToThreshold,
  thresholdToProbability,
  traceIdRandomness,
} from '../../core/sampling/threshold.ts';
import type { Config } from './config.ts';

/** Where the decision about an item came from: the label of the counters. */
export const POLICIES = [
  'trace_id_hash',
  'trace_id_w3c',
  'sampling_randomness',
  'sampling_priority',
  'missing_randomness',
  '', // the name of the attribute that was hashed
] as const;
export const Policy = { TRACE_ID_HASH: 0, TRACE_ID: 1, RANDOMNESS: 2, PRIORITY: 3, MISSING: 4, ATTRIBUTE: 5 } as const;

/** What an item itself says about its sampling, and where that is written: tracestate or attributes. */
export interface Carrier {
  readonly hasRandomness: boolean;
  readonly hasThreshold: boolean;
  readonly randomness: Readonly<Bits56>;
  readonly threshold: Readonly<Bits56>;
  setRandomness(value: Readonly<Bits56>): void;
  setThreshold(value: Readonly<Bits56>): void;
  clearThreshold(): void;
}

/** The item that is being decided about. */
export interface Item {
  readonly carrier: Carrier;
  /** False where what the carrier found could not be read. */
  readonly readable: boolean;
  /** Spans get randomness also where their id is missing and the decision is to keep them nonetheless. */
  readonly marksMissing: boolean;
  /** Sets what is to be hashed; false where there is nothing. */
  findHashed(): boolean;
  readonly buffer: Buffer;
  readonly hashStart: number;
  readonly hashEnd: number;
  readonly hashPolicy: number;
  /** -1 where there is none. */
  readonly traceIdAt: number;
  /** The threshold that the item demands for itself. */
  priority(): Readonly<Bits56> | undefined;
}

/** So many buckets of the hash in mode hash_seed, and their share in a percent, as a 32-bit float. */
const BUCKETS = 0x4000;
const BUCKETS_PER_PERCENT = Math.fround(BUCKETS / 100);

/** Decides about items one after another; afterwards its fields say how. */
export class Sampler {
  policy: number = Policy.MISSING;
  /** Whether what the item says about its sampling is to be written again. */
  writes = false;
  readonly #mode: 'never' | 'hash_seed' | 'equalizing' | 'proportional';
  readonly #onFailure: Readonly<Bits56>;
  readonly #basis: number;
  readonly #ratio: number;
  readonly #precision: number;
  readonly #threshold: Readonly<Bits56>;
  readonly #randomness: Bits56 = { ...MAX_RANDOMNESS };

  constructor(config: Config) {
    const percentage = Math.min(100, Math.fround(config.sampling_percentage));
    const buckets = Math.trunc(Math.fround(percentage * BUCKETS_PER_PERCENT));
    const hashes = config.mode === '' || config.mode === 'hash_seed';
    this.#ratio = Math.max(MIN_PROBABILITY, percentage / 100);
    this.#precision = config.sampling_precision;
    this.#onFailure = config.fail_closed ? NEVER : ALWAYS;
    this.#basis = fnv1a32Seed(config.hash_seed);
    if (percentage === 0 || (hashes && buckets === 0)) this.#mode = 'never';
    else this.#mode = config.mode === '' ? 'hash_seed' : config.mode;
    if (this.#mode === 'never') this.#threshold = NEVER;
    // the bucket is in the upper half of a threshold, in its first 14 bits
    else if (hashes) this.#threshold = { high: (BUCKETS - buckets) * BUCKETS, low: 0 };
    else this.#threshold = this.#thresholdFor(this.#ratio);
  }

  /** Whether the item is kept. */
  sample(item: Item): boolean {
    const { carrier } = item;
    const threshold = this.#findRandomness(item) && this.#isConsistent(carrier) ? this.#decide(carrier) : undefined;
    const priority = item.priority();
    if (priority !== undefined) this.policy = Policy.PRIORITY;
    const demanded = priority ?? threshold ?? this.#onFailure;
    if (isBelow(this.#randomness, demanded)) return false;
    // a threshold only rises: what was sampled before cannot become more
    if (this.writes && !(carrier.hasThreshold && isBelow(demanded, carrier.threshold))) carrier.setThreshold(demanded);
    return true;
  }

  /** False where there is none, or the item has what this mode must not touch. */
  #findRandomness(item: Item): boolean {
    this.writes = item.readable;
    if (this.#mode === 'never') return this.#findNone(item);
    if (this.#mode === 'hash_seed') return this.#hash(item);
    const { carrier } = item;
    this.#setRandomness(Policy.MISSING, MAX_RANDOMNESS);
    if (!item.readable) return false;
    if (carrier.hasRandomness) this.#setRandomness(Policy.RANDOMNESS, carrier.randomness);
    else if (item.traceIdAt >= 0) {
      this.policy = Policy.TRACE_ID;
      traceIdRandomness(item.buffer, item.traceIdAt, this.#randomness);
    }
    return this.policy !== Policy.MISSING;
  }

  #findNone(item: Item): boolean {
    this.#setRandomness(Policy.PRIORITY, MAX_RANDOMNESS);
    this.writes = true;
    return item.readable;
  }

  #hash(item: Item): boolean {
    const { carrier } = item;
    if (item.findHashed()) {
      this.policy = item.hashPolicy;
      const hash = fnv1a32(item.buffer, item.hashStart, item.hashEnd, this.#basis);
      const bucket = hash & (BUCKETS - 1);
      const unused = hash >>> 18;
      // 14 bits that decide, 28 bits mixed from the 18 that do not, and the bucket itself
      const mixed = unused ^ (unused << 10);
      this.#randomness.high = (BUCKETS - 1 - bucket) * BUCKETS + (mixed >>> 14);
      this.#randomness.low = (mixed & (BUCKETS - 1)) * BUCKETS + bucket;
    } else this.#setRandomness(Policy.MISSING, MAX_RANDOMNESS);
    this.writes = item.readable && !carrier.hasRandomness && !carrier.hasThreshold;
    if (!this.writes) return false;
    const missing = this.policy === Policy.MISSING;
    if (!missing || item.marksMissing) carrier.setRandomness(this.#randomness);
    return !missing;
  }

  /** An item that its threshold should have dropped has a wrong threshold. */
  #isConsistent(carrier: Carrier): boolean {
    if (!carrier.hasThreshold || !isBelow(this.#randomness, carrier.threshold)) return true;
    carrier.clearThreshold();
    return false;
  }

  #decide(carrier: Carrier): Readonly<Bits56> {
    if (!carrier.hasThreshold || this.#mode === 'hash_seed' || this.#mode === 'never') return this.#threshold;
    if (this.#mode === 'proportional')
      return this.#thresholdFor(thresholdToProbability(carrier.threshold) * this.#ratio);
    return isBelow(this.#threshold, carrier.threshold) ? carrier.threshold : this.#threshold;
  }

  /** What is too improbable for a threshold is never kept. */
  #thresholdFor(probability: number): Readonly<Bits56> {
    return probabilityToThreshold(probability, this.#precision) ?? NEVER;
  }

  #setRandomness(policy: number, value: Readonly<Bits56>): void {
    this.policy = policy;
    this.#randomness.high = value.high;
    this.#randomness.low = value.low;
  }
}
