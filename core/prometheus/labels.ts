export type Label = readonly [name: string, value: string];
/** Sorted by name. As they come from a page there may be two of the same name, and values may be empty. */
export type Labels = readonly Label[];

export const METRIC_NAME = '__name__';

/** Names under which scraping and discovery keep what is for them alone. */
export const RESERVED_PREFIX = '__';

/** '' where there is none. */
export function labelValue(labels: Labels, name: string): string {
  for (const [key, value] of labels) if (key === name) return value;
  return '';
}

export const byName = ([a]: Label, [b]: Label): number => (a < b ? -1 : a > b ? 1 : 0);

/** The first name that is there more than once. */
export function duplicateName(labels: Labels): string | undefined {
  return labels.find(([name], i) => i > 0 && labels[i - 1]?.[0] === name)?.[0];
}

const TWO_32 = 2 ** 32;

/** 53 bits that are the same for the same labels, and hardly ever for others. */
export function labelsHash(labels: Labels): number {
  let low = 0x811c_9dc5;
  let high = 0x1234_5678;
  for (const label of labels) {
    for (const text of label) {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        low = Math.imul(low ^ code, 0x0100_0193);
        high = Math.imul(high + code, 0x85eb_ca6b) ^ (high >>> 13);
      }
      low = Math.imul(low ^ 0xffff, 0x0100_0193);
    }
  }
  return (high >>> 11) * TWO_32 + (low >>> 0);
}

/** `{__name__="up", job="a"}`. */
export function labelsText(labels: Labels): string {
  return `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`;
}

/**
 * Labels that are being changed. An empty value is no label: setting it deletes. Labels that are not touched stay as
 * they are, duplicates too, so that somebody can refuse those.
 */
export class LabelsBuilder {
  readonly #base: Labels;
  readonly #added = new Map<string, string>();
  readonly #deleted = new Set<string>();

  constructor(base: Labels = []) {
    this.#base = base;
    for (const [name, value] of base) if (value === '') this.#deleted.add(name);
  }

  get(name: string): string {
    const added = this.#added.get(name);
    if (added !== undefined) return added;
    return this.#deleted.has(name) ? '' : labelValue(this.#base, name);
  }

  set(name: string, value: string): void {
    if (value === '') this.delete(name);
    else {
      this.#deleted.delete(name);
      this.#added.set(name, value);
    }
  }

  delete(name: string): void {
    this.#added.delete(name);
    this.#deleted.add(name);
  }

  /** The labels as they are now, in no order. */
  entries(): Label[] {
    const kept = this.#base.filter(([name]) => !this.#deleted.has(name) && !this.#added.has(name));
    return [...kept, ...this.#added];
  }

  labels(): Labels {
    return this.entries().sort(byName);
  }
}
