import { type Infer, list, struct } from '../config/fields.ts';
import type { ConfigNode } from '../config/node.ts';
import { isNull } from '../config/node.ts';
import { mismatch } from '../config/scalars.ts';
import { type Decoder, type JsonSchema, type Report, Schema } from '../config/schema.ts';
import { compileRegexp, RegexpError } from '../regexp.ts';
import { text } from './fields.ts';
import { isLabelName, type NameScheme } from './names-valid.ts';

const ACTIONS = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const;
export type RelabelAction = (typeof ACTIONS)[number];

export const DEFAULT_RULE = { separator: ';', regex: '(.*)', replacement: '$1' } as const;

/** An action, in any case of letters. */
class ActionSchema extends Schema<RelabelAction> {
  readonly typeName = 'relabel.Action';

  absent(): RelabelAction {
    return 'replace';
  }
  zero(): RelabelAction {
    return 'replace';
  }
  decode(node: ConfigNode, decoder: Decoder): RelabelAction {
    if (node.kind !== 'scalar') mismatch(node, 'string', decoder);
    if (node.kind !== 'scalar' || isNull(node)) return 'replace';
    const written = node.text ?? String(node.value);
    const action = ACTIONS.find((a) => a === written.toLowerCase());
    if (action === undefined) {
      decoder.fault(node.at, `unknown relabel action ${JSON.stringify(written)}`, {
        hint: `one of: ${ACTIONS.join(', ')}`,
      });
    }
    return action ?? 'replace';
  }
  jsonSchema(): JsonSchema {
    return { type: ['string', 'null'] };
  }
}

/** An unsigned integer of 64 bits. */
class ModulusSchema extends Schema<bigint> {
  readonly typeName = 'uint64';

  absent(): bigint {
    return 0n;
  }
  zero(): bigint {
    return 0n;
  }
  decode(node: ConfigNode, decoder: Decoder): bigint {
    if (isNull(node)) return 0n;
    const written = node.kind === 'scalar' ? (node.text ?? String(node.value)) : '';
    if (/^\d{1,20}$/.test(written) && BigInt(written) < 2n ** 64n) return BigInt(written);
    mismatch(node, this.typeName, decoder);
    return 0n;
  }
  override toPlain(value: bigint): unknown {
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
  }
  jsonSchema(): JsonSchema {
    return { type: ['integer', 'string', 'null'] };
  }
}

/** A pattern stands for the whole text, and `.` for any character. */
export const anchored = (pattern: string): string => `^(?s:${pattern})$`;

function regexFault(pattern: string): string | undefined {
  try {
    compileRegexp(anchored(pattern));
    return undefined;
  } catch (error) {
    if (error instanceof RegexpError) return error.message;
    throw error;
  }
}

/** One rule of `relabel_configs` or `metric_relabel_configs`. */
export const relabelConfig = struct('relabel.Config', 'A rule that changes or drops by labels.', {
  source_labels: list('Labels whose values are joined to the text that the rule looks at.', text('A label.')),
  separator: text('What stands between the values.', DEFAULT_RULE.separator),
  regex: text(
    'The whole text must match; for labelmap, labeldrop and labelkeep the name of a label.',
    '(.*)',
    regexFault,
  ),
  modulus: new ModulusSchema('What hashmod divides the hash of the text by.'),
  target_label: text('The label that is set, or compared; may have $1 for replace.'),
  replacement: text('What replace and labelmap write, with $1 for groups of the regex.', DEFAULT_RULE.replacement),
  action: new ActionSchema(`What is done: ${ACTIONS.join(', ')}.`),
});
export type RelabelConfig = Infer<typeof relabelConfig>;

const NEED_TARGET: readonly RelabelAction[] = [
  'replace',
  'hashmod',
  'lowercase',
  'uppercase',
  'keepequal',
  'dropequal',
];
const PLAIN_TARGET: readonly RelabelAction[] = ['lowercase', 'uppercase', 'keepequal', 'dropequal'];
/** Prometheus's original alphabet, and variables. */
const LEGACY_TEMPLATE = /^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$/;

/** What is wrong with rules, in Prometheus's words. */
export function validateRules(rules: readonly RelabelConfig[], scheme: NameScheme, path: string, report: Report): void {
  for (const [i, rule] of rules.entries()) {
    const fault = ruleFault(rule, scheme);
    if (fault !== undefined) report(`${path}::${i}`, fault);
  }
}

function ruleFault(rule: RelabelConfig, scheme: NameScheme): string | undefined {
  const { action, target_label: target, replacement } = rule;
  if (action === 'hashmod' && rule.modulus === 0n) return 'relabel configuration for hashmod requires non-zero modulus';
  if (NEED_TARGET.includes(action) && target === '') {
    return `relabel configuration for ${action} action requires 'target_label' value`;
  }
  const isTemplate = (value: string) => (scheme === 'utf8' ? value !== '' : LEGACY_TEMPLATE.test(value));
  const allowsVariables = action === 'replace' && target.includes('$');
  const named = action === 'replace' || action === 'hashmod' || PLAIN_TARGET.includes(action);
  if (named && !(allowsVariables ? isTemplate(target) : isLabelName(target, scheme))) {
    return `${JSON.stringify(target)} is invalid 'target_label' for ${action} action`;
  }
  if (PLAIN_TARGET.includes(action) && replacement !== DEFAULT_RULE.replacement) {
    return `'replacement' can not be set for ${action} action`;
  }
  if (action === 'labelmap' && !isTemplate(replacement)) {
    return `${JSON.stringify(replacement)} is invalid 'replacement' for labelmap action`;
  }
  return uselessFault(rule);
}

/** Fields that have no meaning for the action. */
function uselessFault(rule: RelabelConfig): string | undefined {
  const { action, regex, separator, modulus, replacement } = rule;
  const others = modulus !== 0n || separator !== DEFAULT_RULE.separator || replacement !== DEFAULT_RULE.replacement;
  if ((action === 'dropequal' || action === 'keepequal') && (others || regex !== DEFAULT_RULE.regex)) {
    return `${action} action requires only 'source_labels' and \`target_label\`, and no other fields`;
  }
  const named = rule.source_labels.length > 0 || rule.target_label !== '';
  if ((action === 'labeldrop' || action === 'labelkeep') && (others || named)) {
    return `${action} action requires only 'regex', and no other fields`;
  }
  return undefined;
}
