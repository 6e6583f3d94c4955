/** Tells of an event which of a pattern's conditions hold: bit n is condition n. */
export type Mask = number;

/** A pattern has at most so many conditions, so that a `Mask` is a small integer. */
export const MOST_CONDITIONS = 30;

export type Contiguity = 'begin' | 'next' | 'followedBy' | 'followedByAny' | 'notNext' | 'notFollowedBy';

/** How often a step is taken; at most one of `times`, `timesOrMore` and `oneOrMore`. Without: once. */
export interface Quantifier {
  readonly times?: number | readonly [from: number, to: number] | undefined;
  readonly timesOrMore?: number | undefined;
  readonly oneOrMore?: boolean | undefined;
  readonly optional?: boolean | undefined;
  readonly greedy?: boolean | undefined;
  readonly consecutive?: boolean | undefined;
  readonly allowCombinations?: boolean | undefined;
}

export interface Step {
  readonly name: string;
  readonly contiguity: Contiguity;
  /** The number of its condition; undefined holds for all events. */
  readonly where?: number | undefined;
  /** The number of the condition that ends a loop. */
  readonly until?: number | undefined;
  readonly quantifier?: Quantifier | undefined;
  /** Milliseconds from the first event of the match to the last one, exclusive. The least of all steps counts. */
  readonly within?: number | undefined;
  /** Milliseconds from the event before to the one of this step, exclusive. */
  readonly withinPrevious?: number | undefined;
}

/** What a match ends of the partial matches, and of the matches that wait, which began before. */
export type Skip =
  | { readonly to: 'noSkip' | 'skipToNext' | 'skipPastLastEvent' }
  | { readonly to: 'skipToFirst' | 'skipToLast'; readonly step: string };

/** A pattern with the semantics of Flink CEP 2.3. */
export interface PatternDefinition {
  readonly steps: readonly Step[];
  readonly skip: Skip;
}

export const isNegative = (step: Step): boolean => step.contiguity === 'notNext' || step.contiguity === 'notFollowedBy';

/** Least and greatest number of events before a loop, if it is one, goes on. Undefined: exactly one, no quantifier. */
export function timesOf({ quantifier }: Step): readonly [from: number, to: number] | undefined {
  if (quantifier === undefined) return undefined;
  const { times, timesOrMore, oneOrMore } = quantifier;
  if (oneOrMore === true) return [1, 1];
  if (timesOrMore !== undefined) return [timesOrMore, timesOrMore];
  if (typeof times === 'number') return [times, times];
  return times === undefined ? undefined : [Math.max(times[0], 1), times[1]];
}

export const isLoop = ({ quantifier }: Step): boolean =>
  quantifier?.oneOrMore === true || quantifier?.timesOrMore !== undefined;

/** May take nothing: `optional`, or a range that begins at 0. */
export const isOptional = ({ quantifier }: Step): boolean =>
  quantifier?.optional === true || (Array.isArray(quantifier?.times) && quantifier.times[0] === 0);
