/** Up to so many empty buckets are cheaper written than skipped. */
const MAX_GAP = 2;

/** The buckets of one sign of a native histogram, as both formats of Prometheus have them. */
export interface BucketRuns {
  /** Buckets one after another: how many, and how far from the end of the run before (of the first: from 0). */
  readonly runs: readonly { readonly offset: number; readonly length: number }[];
  /** Of each bucket the count less that of the one before, over all runs; in 64 bits. */
  readonly deltas: readonly bigint[];
}

/** From counts by index. */
export function bucketRuns(buckets: ReadonlyMap<number, bigint>): BucketRuns {
  const runs: { offset: number; length: number }[] = [];
  const deltas: bigint[] = [];
  let previous = 0n;
  let expected = 0;
  const append = (count: bigint) => {
    (runs.at(-1) as (typeof runs)[number]).length++;
    deltas.push(BigInt.asIntN(64, count - previous));
    previous = count;
  };
  for (const [index, count] of [...buckets].sort(([a], [b]) => a - b)) {
    const gap = index - expected;
    if (runs.length === 0 || gap > MAX_GAP) runs.push({ offset: gap, length: 0 });
    else for (let i = 0; i < gap; i++) append(0n);
    append(count);
    expected = index + 1;
  }
  return { runs, deltas };
}
