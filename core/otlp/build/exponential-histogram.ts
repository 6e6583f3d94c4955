/** Above this scale a bucket index would not fit into 32 bits. */
const MAX_SCALE = 20;
/** At this scale two buckets hold all numbers there are. */
const MIN_SCALE = -10;
const DEFAULT_MAX_SIZE = 160;
const MIN_MAX_SIZE = 2;
/** Guards against a mistyped size. */
const MAX_MAX_SIZE = 16_384;

const MIN_NORMAL = 2 ** -1022;
const MIN_NORMAL_EXPONENT = -1022;
const MAX_NORMAL_EXPONENT = 1023;

/** What is counted has 64 bits on the wire. */
const MOST = 2 ** 64;
/** Numbers of `packed` before its buckets. */
const HEAD = 7;

const bits = new DataView(new ArrayBuffer(8));

/**
 * Counts of values, none of them negative, in buckets whose bounds grow exponentially: bucket `i` of scale `s` holds
 * what lies in `(2^(i/2^s), 2^((i+1)/2^s)]`. It begins with the finest scale and takes coarser ones when the values
 * would need more than `maxSize` buckets.
 * Source: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
 */
export class ExponentialHistogram {
  count = 0;
  sum = 0;
  zeroCount = 0;
  min = 0;
  max = 0;
  readonly #maxSize: number;
  #scale = MAX_SCALE;
  /** The counts of the buckets from index `#first` on; trailing ones may be unused yet. */
  #counts = new Float64Array(0);
  #first = 0;
  #length = 0;

  /** `maxSize` 0 is 160; other sizes are brought into 2 to 16384, and a negative one to 160. */
  constructor(maxSize: number) {
    const size = maxSize <= 0 ? DEFAULT_MAX_SIZE : maxSize;
    this.#maxSize = Math.min(Math.max(size, MIN_MAX_SIZE), MAX_MAX_SIZE);
  }

  /** In the form that `of` reads. */
  get packed(): Float64Array {
    const { count, sum, zeroCount, min, max } = this;
    return Float64Array.of(count, sum, zeroCount, min, max, this.#scale, this.#first, ...this.bucketCounts);
  }

  /** What another with the same `maxSize` gave as `packed`; undefined where it cannot be that. */
  static of(maxSize: number, packed: Float64Array): ExponentialHistogram | undefined {
    const histogram = new ExponentialHistogram(maxSize);
    const [count = 0, sum = 0, zeroCount = 0, min = 0, max = 0, scale = 0, first = 0] = packed;
    const length = packed.length - HEAD;
    if (length < 0 || length > histogram.#maxSize || !packed.every(Number.isFinite)) return undefined;
    const counts = packed.slice(HEAD);
    if (![count, zeroCount, ...counts].every((one) => Number.isInteger(one) && one >= 0 && one < MOST))
      return undefined;
    if (!Number.isInteger(scale) || scale < MIN_SCALE || scale > MAX_SCALE || first !== (first | 0)) return undefined;
    Object.assign(histogram, { count, sum, zeroCount, min, max });
    histogram.#scale = scale;
    histogram.#first = first;
    histogram.#counts = counts;
    histogram.#length = length;
    return histogram;
  }

  /** 0 as long as there is nothing but zeros. */
  get scale(): number {
    return this.#length === 0 ? 0 : this.#scale;
  }
  /** The index of the first bucket; 0 where there is none. */
  get offset(): number {
    return this.#first;
  }
  get bucketCounts(): Float64Array {
    return this.#counts.subarray(0, this.#length);
  }

  /** Counts `value`, which is 0 or greater, `times` times. */
  record(value: number, times: number): void {
    if (this.count === 0) this.min = this.max = value;
    else if (value < this.min) this.min = value;
    else if (value > this.max) this.max = value;
    this.count += times;
    if (value === 0) {
      this.zeroCount += times;
      return;
    }
    this.sum += value * times;
    this.#increment(value, times);
  }

  #increment(value: number, times: number): void {
    let index = bucketIndex(value, this.#scale);
    if (this.#length > 0) {
      let low = Math.min(this.#first, index);
      let high = Math.max(this.#first + this.#length - 1, index);
      let change = 0;
      for (; high - low >= this.#maxSize; change++) {
        low >>= 1;
        high >>= 1;
      }
      if (change > 0) {
        this.#coarsen(change);
        index = bucketIndex(value, this.#scale);
      }
    } else this.#first = index;
    this.#makeRoom(index);
    this.#counts[index - this.#first] = (this.#counts[index - this.#first] as number) + times;
  }

  /** Extends the buckets to `index`. */
  #makeRoom(index: number): void {
    const first = Math.min(this.#first, index);
    const length = Math.max(this.#first + this.#length, index + 1) - first;
    if (length > this.#counts.length || first < this.#first) {
      const size = Math.max(length, Math.min(this.#counts.length * 2, this.#maxSize));
      const counts = new Float64Array(size);
      counts.set(this.bucketCounts, this.#first - first);
      this.#counts = counts;
    }
    this.#first = first;
    this.#length = length;
  }

  /** Joins 2^change neighbours each. */
  #coarsen(change: number): void {
    const first = this.#first >> change;
    const last = (this.#first + this.#length - 1) >> change;
    for (let i = 0; i < this.#length; i++) {
      const count = this.#counts[i] as number;
      this.#counts[i] = 0;
      const to = ((this.#first + i) >> change) - first;
      this.#counts[to] = (this.#counts[to] as number) + count;
    }
    this.#first = first;
    this.#length = last - first + 1;
    this.#scale = Math.max(this.#scale - change, MIN_SCALE);
  }
}

/** The bucket of a positive value. Powers of two are exact; elsewhere a bound may be off by the last digit. */
function bucketIndex(value: number, scale: number): number {
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  const exponent = ((high >>> 20) & 0x7ff) - 1023;
  const powerOfTwo = (high & 0xf_ffff) === 0 && bits.getUint32(4) === 0;
  if (scale <= 0) {
    const shift = -scale;
    if (value < MIN_NORMAL) return (MIN_NORMAL_EXPONENT >> shift) - (shift < 2 ? 1 : 0);
    return (exponent - (powerOfTwo ? 1 : 0)) >> shift;
  }
  if (value <= MIN_NORMAL) return MIN_NORMAL_EXPONENT * 2 ** scale - 1;
  if (powerOfTwo) return exponent * 2 ** scale - 1;
  const greatest = (MAX_NORMAL_EXPONENT + 1) * 2 ** scale - 1;
  return Math.min(Math.floor(Math.log(value) * (Math.LOG2E * 2 ** scale)), greatest);
}
