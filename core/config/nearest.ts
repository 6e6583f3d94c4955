/** A name further away than this part of its length is a different word, not a slip. */
const MAX_DISTANCE_SHARE = 0.4;

/** The known name that was probably meant, by edit distance or by how it begins; undefined when none is close. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const plain = squash(name);
  const candidates = [...known];
  let best: string | undefined;
  let least = Math.max(1, Math.floor(plain.length * MAX_DISTANCE_SHARE)) + 1;
  for (const candidate of candidates) {
    const far = distance(plain, squash(candidate));
    if (far < least) {
      least = far;
      best = candidate;
    }
  }
  return best ?? beginningOf(plain, candidates);
}

/** Shorter beginnings are shared by chance. */
const MIN_BEGINNING = 4;

function beginningOf(plain: string, known: readonly string[]): string | undefined {
  return plain.length < MIN_BEGINNING ? undefined : known.find((name) => squash(name).startsWith(plain));
}

/** Case, `_` and `-` are the commonest slips and count nothing. */
function squash(name: string): string {
  return name.toLowerCase().replaceAll(/[_\-. ]/g, '');
}

/** Edits (insert, delete, replace, swap of neighbours) from `a` to `b`. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
