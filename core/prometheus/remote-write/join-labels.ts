/** Labels of points, put together from where they come from. */
export type Label = readonly [name: string, value: string];

/** Something that every point under a resource and scope has. */
export interface Common {
  readonly name: string;
  readonly value: string;
  /** An attribute of that name wins over it. */
  readonly weak: boolean;
}

/** An attribute that is a label. */
export interface Own {
  readonly key: string;
  readonly name: string;
  value: string;
}

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

/** Sorted by name; attributes that become one label are joined by a semicolon, in the order of their keys. */
export function joined(own: readonly Own[]): Own[] {
  const sorted: Own[] = [];
  // few, and mostly in order already: inserting beats sorting
  for (const one of own) {
    if (one.value === '') continue;
    let at = sorted.length;
    while (at > 0 && after(sorted[at - 1] as Own, one)) at--;
    sorted.splice(at, 0, one);
  }
  for (let i = 1; i < sorted.length; ) {
    const [before, one] = [sorted[i - 1] as Own, sorted[i] as Own];
    if (before.name !== one.name) i++;
    else {
      if (before.value !== one.value) before.value += `;${one.value}`;
      sorted.splice(i, 1);
    }
  }
  return sorted;
}

function after(a: Own, b: Own): boolean {
  return a.name === b.name ? a.key > b.key : a.name > b.name;
}

/** Both are sorted by name. */
export function withCommon(own: readonly Own[], common: readonly Common[]): Label[] {
  const labels: Label[] = [];
  let i = 0;
  for (const { name, value, weak } of common) {
    for (; i < own.length && (own[i] as Own).name < name; i++) labels.push(labelOf(own[i] as Own));
    const same = own[i]?.name === name ? own[i++] : undefined;
    if (same !== undefined && weak) labels.push(labelOf(same));
    else if (value !== '') labels.push([name, value]);
  }
  for (; i < own.length; i++) labels.push(labelOf(own[i] as Own));
  return labels;
}

const labelOf = ({ name, value }: Own): Label => [name, value];

/** With one more, in the place of one of that name. */
export function withLabel(labels: readonly Label[], name: string, value: string): Label[] {
  const all = [...labels];
  let at = 0;
  while (at < all.length && (all[at] as Label)[0] < name) at++;
  all.splice(at, all[at]?.[0] === name ? 1 : 0, [name, value]);
  return all;
}
