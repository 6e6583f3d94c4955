import type { Logger } from '../logger.ts';
import type { AttributeEditor } from '../otlp/edit/attribute-editor.ts';
import { compileRegexp, type Regexp } from '../regexp.ts';
import type { RequestContext } from '../telemetry/context.ts';
import type { ActionConfig } from './config.ts';
import { Convert, conversionTo } from './convert.ts';
import { Extract } from './extract.ts';
import { Hash } from './hash.ts';
import { Delete } from './remove.ts';
import { SetValue } from './set-value.ts';

/** One action, compiled: keys and values are bytes already. */
export interface AttributeStep {
  /** What it takes from the request; called for each batch. */
  begin?(context: RequestContext): void;
  apply(attributes: AttributeEditor): void;
}

/**
 * The actions of a configuration in their order; each sees what those before it left. One instance changes many
 * lists: `begin` for each batch, `apply` for each list.
 */
export class AttributeActions {
  readonly #steps: readonly AttributeStep[];
  readonly #contextual: readonly AttributeStep[];

  /** Throws the collector's message for an action that lacks something or has too much. */
  constructor(configs: readonly ActionConfig[], logger: Logger) {
    this.#steps = configs.map((config, index) => compile(config, index, logger));
    this.#contextual = this.#steps.filter((step) => step.begin !== undefined);
  }

  begin(context: RequestContext): void {
    for (const step of this.#contextual) step.begin?.(context);
  }

  apply(attributes: AttributeEditor): void {
    for (const step of this.#steps) step.apply(attributes);
  }
}

function compile(config: ActionConfig, index: number, logger: Logger): AttributeStep {
  const action = config.action.toLowerCase();
  if ((action === 'delete' || action === 'hash') && config.key === '' && config.pattern === '') {
    const needed = '(at least one of "key" and "pattern" have to be used)';
    throw new Error(`error creating AttrProc due to missing required field ${needed} at the ${index}-th action`);
  }
  if (action !== 'delete' && action !== 'hash' && config.key === '') {
    throw new Error(`error creating AttrProc due to missing required field "key" at the ${index}-th action`);
  }
  const fail = (message: string): never => {
    throw new Error(`error with key ${goQuote(config.key)} (${index}-th action): error creating AttrProc${message}`);
  };
  switch (action) {
    case 'insert':
    case 'update':
    case 'upsert':
      checkSetValue(config, action, fail);
      return new SetValue(config, action);
    case 'delete':
    case 'hash':
      return compileRemoval(config, action, fail);
    case 'extract':
      return compileExtract(config, fail);
    case 'convert':
      return compileConvert(config, fail, logger);
    default:
      return fail(` due to unsupported action ${goQuote(action)}`);
  }
}

type Fail = (message: string) => never;

const unused = (action: string, field: string) =>
  `. Action "${action}" does not use ${field}. This must not be specified`;
const unusedAll = (action: string, fields: string) =>
  `. Action "${action}" does not use ${fields}. These must not be specified`;

function countSources({ value, from_attribute, from_context }: ActionConfig): number {
  return Number(value !== undefined) + Number(from_attribute !== '') + Number(from_context !== '');
}

function checkSetValue(config: ActionConfig, action: string, fail: Fail): void {
  const sources = countSources(config);
  if (sources === 0 && config.default_value === undefined) {
    fail('. Either field "value", "from_attribute", "from_context", or "default_value" must be specified');
  }
  if (sources > 1) fail(' due to multiple value sources being set');
  if (config.pattern !== '') fail(unused(action, 'the "pattern" field'));
  if (config.converted_type !== '') fail(unused(action, 'the "converted_type" field'));
}

function compileRemoval(config: ActionConfig, action: 'delete' | 'hash', fail: Fail): AttributeStep {
  if (config.value !== undefined || config.from_attribute !== '') {
    fail(unusedAll(action, '"value" or "from_attribute" field'));
  }
  const pattern = config.pattern === '' ? undefined : compilePattern(config.pattern, fail);
  if (config.converted_type !== '') fail(unused(action, 'the "converted_type" field'));
  return action === 'delete' ? new Delete(config.key, pattern) : new Hash(config.key, pattern);
}

function compileExtract(config: ActionConfig, fail: Fail): AttributeStep {
  if (countSources(config) > 0) fail(unusedAll('extract', 'a value source field'));
  if (config.pattern === '') fail(' due to missing required field "pattern" for action "extract"');
  if (config.converted_type !== '') fail(unused('extract', 'the "converted_type" field'));
  const pattern = compilePattern(config.pattern, fail);
  const names = pattern.groupNames.slice(1);
  if (names.length === 0) fail('. Field "pattern" contains no named matcher groups');
  if (names.includes('')) fail('. Field "pattern" contains at least one unnamed matcher group');
  return new Extract(config.key, pattern);
}

function compileConvert(config: ActionConfig, fail: Fail, logger: Logger): AttributeStep {
  if (countSources(config) > 0 || config.pattern !== '') {
    fail(unusedAll('convert', 'value sources or "pattern" field'));
  }
  const target = config.converted_type;
  if (target === '') fail(' due to missing required field "converted_type" for action "convert"');
  const conversion = conversionTo(target);
  if (conversion === undefined) {
    return fail(` due to invalid value "${target}" in field "converted_type" for action "convert"`);
  }
  return new Convert(config.key, target, conversion, logger);
}

function compilePattern(pattern: string, fail: Fail): Regexp {
  try {
    return compileRegexp(pattern);
  } catch {
    return fail(`. Field "pattern" has invalid pattern: "${pattern}"`);
  }
}

/** `%q` of Go's fmt, which for the keys of attributes is what JSON has. */
function goQuote(text: string): string {
  return JSON.stringify(text);
}
