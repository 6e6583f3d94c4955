import { compileRegexp } from '../../regexp.ts';
import { KeyRows } from '../../series/key-rows.ts';
import { KeyWriter } from '../../series/key-writer.ts';
import type { ItemValues, Scalar } from '../item-values.ts';
import { type Mask, MOST_CONDITIONS } from './definition.ts';

/** A test of one field. */
interface Leaf {
  readonly field: string;
  readonly test: (value: Scalar) => boolean;
}

/** Of which tests hold, what a condition makes. */
type Formula = (leaves: Mask) => boolean;

/** Verdicts on values that came before, by field; beyond, all are forgotten. */
const MOST_VERDICTS = 4_096;
/** Longer values hardly come again. */
const LONGEST_KEPT = 256;

/** The conditions of a pattern, in the short form: {field, op, value}, {all: [...]}, {any: [...]}, {not: ...}. */
export class Conditions {
  readonly #leaves: Leaf[] = [];
  readonly #leafNumbers = new Map<string, number>();
  readonly #formulas: Formula[] = [];
  readonly #conditionNumbers = new Map<string, number>();

  /** The number of a condition; undefined for none. @throws Error where it is not one */
  add(where: unknown): number | undefined {
    if (where === undefined || where === null) return undefined;
    const text = JSON.stringify(where);
    const known = this.#conditionNumbers.get(text);
    if (known !== undefined) return known;
    const number = this.#formulas.push(this.#parse(where)) - 1;
    this.#conditionNumbers.set(text, number);
    if (this.#leaves.length > MOST_CONDITIONS) throw new Error(`a pattern has at most ${MOST_CONDITIONS} comparisons`);
    return number;
  }

  /** The fields that are compared. */
  get fields(): readonly string[] {
    return [...new Set(this.#leaves.map(({ field }) => field))];
  }

  /** `placeOf`: where a field is in the values of an item. */
  compile(placeOf: (field: string) => number): CompiledConditions {
    const fields = this.fields.map((field) => {
      const tests = this.#leaves.flatMap((leaf, number) => (leaf.field === field ? [{ number, test: leaf.test }] : []));
      return new FieldTests(placeOf(field), tests);
    });
    return new CompiledConditions(fields, this.#formulas);
  }

  #parse(where: unknown): Formula {
    if (typeof where !== 'object' || where === null || Array.isArray(where)) {
      throw new Error('a condition is a map with field, op and value, or with one of all, any and not');
    }
    const { field, op, value, all, any, not, ottl, ...rest } = where as Record<string, unknown>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw new Error(`a condition has no key ${JSON.stringify(unknown)}`);
    if (ottl !== undefined) throw new Error('ottl: conditions in OTTL are not supported; use field, op and value');
    const forms = [field, all, any, not].filter((form) => form !== undefined);
    if (forms.length !== 1) throw new Error('a condition has exactly one of field, all, any and not');
    if (all !== undefined) {
      const parts = this.#list('all', all);
      return (leaves) => parts.every((part) => part(leaves));
    }
    if (any !== undefined) {
      const parts = this.#list('any', any);
      return (leaves) => parts.some((part) => part(leaves));
    }
    if (not !== undefined) {
      const part = this.#parse(not);
      return (leaves) => !part(leaves);
    }
    return this.#leaf(field, op, value);
  }

  #list(name: string, list: unknown): Formula[] {
    if (!Array.isArray(list)) throw new Error(`${name} is a list of conditions`);
    return list.map((part) => this.#parse(part));
  }

  #leaf(field: unknown, op: unknown, value: unknown): Formula {
    if (typeof field !== 'string' || field === '') throw new Error('field names what is compared');
    const text = JSON.stringify([field, op, value]);
    let number = this.#leafNumbers.get(text);
    if (number === undefined) {
      number = this.#leaves.push({ field, test: testOf(op, value) }) - 1;
      this.#leafNumbers.set(text, number);
    }
    const bit = 1 << number;
    return (leaves) => (leaves & bit) !== 0;
  }
}

/** Finds out which conditions hold for an item. */
export class CompiledConditions {
  readonly #fields: readonly FieldTests[];
  readonly #formulas: readonly Formula[];
  readonly #masks = new Map<Mask, Mask>();

  constructor(fields: readonly FieldTests[], formulas: readonly Formula[]) {
    this.#fields = fields;
    this.#formulas = formulas;
  }

  of(values: ItemValues): Mask {
    let leaves = 0;
    for (const field of this.#fields) leaves |= field.of(values);
    const known = this.#masks.get(leaves);
    if (known !== undefined) return known;
    let mask = 0;
    for (const [number, formula] of this.#formulas.entries()) if (formula(leaves)) mask |= 1 << number;
    if (this.#masks.size >= MOST_VERDICTS) this.#masks.clear();
    this.#masks.set(leaves, mask);
    return mask;
  }
}

interface NumberedTest {
  readonly number: number;
  readonly test: Leaf['test'];
}

/** All tests of one field. What they say of a value is kept, because names come again and again. */
class FieldTests {
  readonly #place: number;
  readonly #tests: readonly NumberedTest[];
  readonly #value = new KeyWriter(0);
  readonly #values = new KeyRows();
  /** By the row of the value. */
  readonly #verdicts: Mask[] = [];

  constructor(place: number, tests: readonly NumberedTest[]) {
    this.#place = place;
    this.#tests = tests;
  }

  of(values: ItemValues): Mask {
    const value = this.#value;
    value.begin();
    if (!values.writeBytes(this.#place, value) || value.size > LONGEST_KEPT) {
      return this.#test(values.scalar(this.#place));
    }
    value.finish();
    const row = this.#values.find(value);
    if (row >= 0) return this.#verdicts[row] as Mask;
    const verdict = this.#test(values.scalar(this.#place));
    if (this.#values.size >= MOST_VERDICTS) this.#values.clear();
    this.#verdicts[this.#values.add(value)] = verdict;
    return verdict;
  }

  #test(value: Scalar | undefined): Mask {
    let mask = 0;
    if (value !== undefined) for (const { number, test } of this.#tests) if (test(value)) mask |= 1 << number;
    return mask;
  }
}

/** A field that is not there fulfils nothing, `!=` neither; values of different types are different. */
function testOf(op: unknown, wanted: unknown): Leaf['test'] {
  if (op === 'exists') return () => true;
  if (op === 'in') {
    if (!Array.isArray(wanted) || !wanted.every(isScalar)) throw new Error('in: value is a list of values');
    return (value) => wanted.includes(value);
  }
  if (!isScalar(wanted)) throw new Error('value is text, a number, true or false');
  if (op === '==') return (value) => value === wanted;
  if (op === '!=') return (value) => value !== wanted;
  if (op === 'matches') {
    const regexp = compileRegexp(String(wanted));
    return (value) => regexp.test(String(value));
  }
  const compare = typeof op === 'string' ? ORDER[op] : undefined;
  if (compare === undefined) throw new Error(`op is one of ==, !=, >, >=, <, <=, in, matches and exists`);
  if (typeof wanted === 'boolean') throw new Error(`${op}: value is a number or text`);
  return (value) => typeof value === typeof wanted && compare(value as number, wanted as number);
}

const ORDER: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
};

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
