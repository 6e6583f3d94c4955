import { automatonOf } from '../../core/stream/pattern/automaton.ts';
import { faultOf } from '../../core/stream/pattern/check.ts';
import { type CompiledConditions, Conditions } from '../../core/stream/pattern/conditions.ts';
import type { PatternDefinition, Quantifier, Skip, Step } from '../../core/stream/pattern/definition.ts';
import type { Automaton } from '../../core/stream/pattern/states.ts';
import { AlertTemplate } from './alerts.ts';
import type { PatternConfig, StepConfig } from './config.ts';

/** The fields that patterns read, each once, by place. */
export class FieldNames {
  readonly names: string[] = [];

  placeOf(name: string): number {
    const known = this.names.indexOf(name);
    return known < 0 ? this.names.push(name) - 1 : known;
  }
}

/** A pattern of the configuration. Fields are named by their place in the FieldNames it was compiled with. */
export interface CompiledPattern {
  readonly name: string;
  readonly definition: PatternDefinition;
  readonly automaton: Automaton;
  readonly conditions: CompiledConditions;
  readonly key: readonly number[];
  /** What is kept of an event that is taken. */
  readonly kept: readonly number[];
  readonly alert: AlertTemplate | undefined;
  readonly timeoutAlert: AlertTemplate | undefined;
  /** Tells states of different patterns, or of the pattern before it was changed, apart. */
  readonly fingerprint: string;
}

/** @throws Error with the step and what is wrong with it */
export function compilePattern(name: string, config: PatternConfig, fields: FieldNames): CompiledPattern {
  const conditions = new Conditions();
  const definition = definitionOf(config, conditions);
  const fault = faultOf(definition);
  if (fault !== undefined) throw new Error(fault);
  const stepNames = definition.steps.map((step) => step.name);
  const alert = config.alert && new AlertTemplate(name, config.alert, stepNames, config.event_id);
  const timeoutAlert =
    config.timeout_alert && new AlertTemplate(name, config.timeout_alert, stepNames, config.event_id);
  const kept = [...new Set([alert, timeoutAlert].flatMap((template) => template?.fields ?? []))];
  const placeOf = (field: string) => fields.placeOf(field);
  for (const template of [alert, timeoutAlert]) template?.keep(kept);
  return {
    name,
    definition,
    automaton: automatonOf(definition),
    conditions: conditions.compile(placeOf),
    key: config.key.map(placeOf),
    kept: kept.map(placeOf),
    alert,
    timeoutAlert,
    fingerprint: JSON.stringify([config.key, config.steps, config.within, config.within_type, kept]),
  };
}

function definitionOf(config: PatternConfig, conditions: Conditions): PatternDefinition {
  const last = config.steps.length - 1;
  const steps = config.steps.map((step, index) => stepOf(step, conditions, index === last ? config : undefined));
  return { steps, skip: skipOf(config.after_match_skip) };
}

/** The limit of the whole pattern is one of its last step. */
function stepOf(step: StepConfig, conditions: Conditions, whole: PatternConfig | undefined): Step {
  const condition = (name: string, where: unknown): number | undefined => {
    try {
      return conditions.add(where);
    } catch (error) {
      throw new Error(`step ${JSON.stringify(step.name)}: ${name}: ${(error as Error).message}`);
    }
  };
  const limits = (type: string): number | undefined => {
    const found = [step, whole].flatMap((one) =>
      one?.within !== undefined && one.within_type === type ? [one.within] : [],
    );
    return found.length === 0 ? undefined : Math.min(...found);
  };
  return {
    name: step.name,
    contiguity: step.contiguity,
    where: condition('where', step.where),
    until: condition('until', step.until),
    quantifier: quantifierOf(step),
    within: limits('first_last'),
    withinPrevious: limits('previous_current'),
  };
}

function quantifierOf({ name, quantifier }: StepConfig): Quantifier | undefined {
  if (quantifier === undefined) return undefined;
  const { times, ...rest } = quantifier;
  if (times === undefined || times === null) return rest;
  if (typeof times === 'number') return { ...rest, times };
  if (Array.isArray(times) && times.length === 2 && times.every((each) => typeof each === 'number')) {
    return { ...rest, times: times as unknown as readonly [number, number] };
  }
  throw new Error(`step ${JSON.stringify(name)}: times is a number or a range of two, such as [2, 4]`);
}

const SKIPS = ['noSkip', 'skipToNext', 'skipPastLastEvent'] as const;

function skipOf(skip: unknown): Skip {
  if (skip === undefined || skip === null) return { to: 'noSkip' };
  const simple = SKIPS.find((each) => each === skip);
  if (simple !== undefined) return { to: simple };
  const [entry, ...more] = typeof skip === 'object' ? Object.entries(skip) : [];
  if (entry !== undefined && more.length === 0 && typeof entry[1] === 'string') {
    const [to, step] = entry;
    if (to === 'skipToFirst' || to === 'skipToLast') return { to, step };
  }
  throw new Error(`after_match_skip is one of ${SKIPS.join(', ')}, {skipToFirst: STEP} and {skipToLast: STEP}`);
}
