import {
  isLoop,
  isNegative,
  isOptional,
  MOST_CONDITIONS,
  type PatternDefinition,
  type Step,
  timesOf,
} from './definition.ts';

/** The first reason why there is no such pattern, naming the step; undefined where there is none. As Flink refuses. */
export function faultOf({ steps, skip }: PatternDefinition): string | undefined {
  if (steps.length === 0) return 'a pattern needs at least one step';
  const names = new Set<string>();
  for (const [index, step] of steps.entries()) {
    const fault = names.has(step.name)
      ? 'the name is taken by an earlier step'
      : (nameFault(step) ?? placeFault(step, steps[index - 1]) ?? quantifierFault(step) ?? loopFault(step));
    if (fault !== undefined) return `step ${JSON.stringify(step.name)}: ${fault}`;
    names.add(step.name);
  }
  if ('step' in skip && !names.has(skip.step)) {
    return `after_match_skip: ${skip.to} names ${JSON.stringify(skip.step)}, which is no step of the pattern`;
  }
  return conditionFault(steps) ?? withinFault(steps) ?? untilFault(steps);
}

function nameFault({ name }: Step): string | undefined {
  if (name === '') return 'a step needs a name';
  return undefined;
}

function placeFault(step: Step, previous: Step | undefined): string | undefined {
  if ((step.contiguity === 'begin') !== (previous === undefined)) {
    return previous === undefined ? 'the first step is `begin`' : 'only the first step is `begin`';
  }
  if (previous === undefined) return undefined;
  if (isNegative(step) && isOptional(previous)) {
    return `${step.contiguity} cannot come after the optional step ${JSON.stringify(previous.name)}`;
  }
  if (step.quantifier?.optional === true && previous.quantifier?.greedy === true) {
    return `an optional step cannot come after the greedy step ${JSON.stringify(previous.name)}`;
  }
  return undefined;
}

function quantifierFault(step: Step): string | undefined {
  const { quantifier } = step;
  if (quantifier === undefined) return undefined;
  const { times, timesOrMore, oneOrMore, optional, greedy, consecutive, allowCombinations } = quantifier;
  const counts = [times !== undefined, timesOrMore !== undefined, oneOrMore === true].filter(Boolean).length;
  if (counts > 1) return 'only one of times, timesOrMore and oneOrMore';
  if (isNegative(step) && (counts > 0 || optional === true || greedy === true)) return 'a not-step has no quantifier';
  const numbers = Array.isArray(times) ? times : [times ?? timesOrMore ?? 1];
  if (!numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) return 'times are whole numbers, not negative';
  if (!Array.isArray(times) && numbers[0] === 0) return 'times are greater than 0';
  if (Array.isArray(times)) {
    if (times.length !== 2) return 'times is a number or a range of two';
    if (times[1] < Math.max(times[0], 1)) return 'the range of times ends before it begins';
    if (times[0] === 0 && optional === true) return 'a range from 0 is optional already';
  }
  if (counts > 0) return undefined;
  if (greedy === true) return 'greedy needs times, timesOrMore or oneOrMore';
  if (consecutive === true) return 'consecutive needs times, timesOrMore or oneOrMore';
  return allowCombinations === true ? 'allowCombinations needs times, timesOrMore or oneOrMore' : undefined;
}

function loopFault(step: Step): string | undefined {
  const { quantifier, until } = step;
  if (quantifier?.consecutive === true && quantifier.allowCombinations === true) {
    return 'either consecutive or allowCombinations, not both';
  }
  if (until !== undefined && !isLoop(step)) return 'until needs timesOrMore or oneOrMore';
  if (quantifier !== undefined && maximum(step) > MOST_TIMES) return `times above ${MOST_TIMES} are not supported`;
  return undefined;
}

/** Every repetition is a state or two of the automaton; more is a mistake. */
const MOST_TIMES = 10_000;

function maximum({ quantifier }: Step): number {
  const times = quantifier?.times ?? quantifier?.timesOrMore ?? 1;
  return typeof times === 'number' ? times : times[1];
}

function conditionFault(steps: readonly Step[]): string | undefined {
  const most = Math.max(...steps.flatMap(({ where, until }) => [where ?? 0, until ?? 0]));
  return most >= MOST_CONDITIONS ? `a pattern has at most ${MOST_CONDITIONS} different conditions` : undefined;
}

function withinFault(steps: readonly Step[]): string | undefined {
  const limits = steps.flatMap(({ within }) => (within === undefined ? [] : [within]));
  const least = Math.min(...limits);
  const last = steps.at(-1) as Step;
  for (const step of steps) {
    const applies = timesOf(step) === undefined && (step.contiguity !== 'notFollowedBy' || step === last);
    if (applies && (step.withinPrevious ?? 0) > least) {
      return `step ${JSON.stringify(step.name)}: its limit from the event before is longer than that of the pattern`;
    }
  }
  if (last.contiguity !== 'notFollowedBy') return undefined;
  const limited = (last.withinPrevious ?? 0) > 0 || (limits.length > 0 && least > 0);
  return limited ? undefined : `step ${JSON.stringify(last.name)}: notFollowedBy as the last step needs within`;
}

/** What a loop in such a place means after `until` is undefined in Flink, too. */
function untilFault(steps: readonly Step[]): string | undefined {
  for (const [index, step] of steps.entries()) {
    if (step.quantifier?.greedy !== true || step.until === undefined || !isOptional(step)) continue;
    const before = steps.slice(0, index).findLast((other) => !isOptional(other));
    if (before?.contiguity !== 'notFollowedBy') continue;
    return `step ${JSON.stringify(step.name)}: greedy, optional and until together cannot come after notFollowedBy`;
  }
  return undefined;
}
