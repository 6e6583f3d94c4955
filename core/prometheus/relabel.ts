import { hash } from 'node:crypto';
import { compileRegexp, type Regexp, type RegexpMatch } from '../regexp.ts';
import type { LabelsBuilder } from './labels.ts';
import { isLabelName, type NameScheme } from './names-valid.ts';
import { anchored, DEFAULT_RULE, type RelabelConfig } from './relabel-config.ts';

/** Changes labels; false drops the target or sample. */
export type Relabeling = (labels: LabelsBuilder) => boolean;

/** The rules in order. Throws a RegexpError for a pattern that cannot be compiled. */
export function compileRelabeling(rules: readonly RelabelConfig[], scheme: NameScheme): Relabeling {
  const compiled = rules.map((rule) => compileRule(rule, scheme));
  return (labels) => compiled.every((rule) => rule(labels));
}

function compileRule(rule: RelabelConfig, scheme: NameScheme): Relabeling {
  const pattern = compileRegexp(anchored(rule.regex));
  const source = (labels: LabelsBuilder) => rule.source_labels.map((name) => labels.get(name)).join(rule.separator);
  const target = rule.target_label;
  const keeps = (keep: (labels: LabelsBuilder) => boolean): Relabeling => keep;
  const sets = (value: (text: string) => string): Relabeling => {
    return (labels) => {
      labels.set(target, value(source(labels)));
      return true;
    };
  };
  switch (rule.action) {
    case 'drop':
      return keeps((labels) => !pattern.test(source(labels)));
    case 'keep':
      return keeps((labels) => pattern.test(source(labels)));
    case 'dropequal':
      return keeps((labels) => labels.get(target) !== source(labels));
    case 'keepequal':
      return keeps((labels) => labels.get(target) === source(labels));
    case 'lowercase':
      return sets((text) => text.toLowerCase());
    case 'uppercase':
      return sets((text) => text.toUpperCase());
    case 'hashmod':
      return sets((text) => hashModulo(text, rule.modulus));
    case 'labelmap':
    case 'labeldrop':
    case 'labelkeep':
      return forNames(rule, pattern);
    default:
      return replace(rule, pattern, source, scheme);
  }
}

function replace(
  rule: RelabelConfig,
  pattern: Regexp,
  source: (labels: LabelsBuilder) => string,
  scheme: NameScheme,
): Relabeling {
  const target = new Template(rule.target_label);
  const replacement = new Template(rule.replacement);
  const isPlain = rule.regex === DEFAULT_RULE.regex && !target.hasVariables && !replacement.hasVariables;
  return (labels) => {
    const text = source(labels);
    if (text === '' && isPlain) {
      labels.set(rule.target_label, rule.replacement);
      return true;
    }
    const match = pattern.exec(text);
    if (match === undefined) return true;
    const name = target.expand(pattern, match);
    if (isLabelName(name, scheme)) labels.set(name, replacement.expand(pattern, match));
    return true;
  };
}

/** The rules that look at the names of labels. */
function forNames(rule: RelabelConfig, pattern: Regexp): Relabeling {
  const replacement = new Template(rule.replacement);
  return (labels) => {
    for (const [name, value] of labels.entries()) {
      if (rule.action === 'labelmap') {
        const match = pattern.exec(name);
        if (match !== undefined) labels.set(replacement.expand(pattern, match), value);
      } else if (pattern.test(name) === (rule.action === 'labeldrop')) {
        labels.delete(name);
      }
    }
    return true;
  };
}

/** The last 8 bytes of the MD5 sum modulo `modulus`. */
function hashModulo(text: string, modulus: bigint): string {
  return (hash('md5', text, 'buffer').readBigUInt64BE(8) % modulus).toString();
}

/** A part that stands as it is, or a group of the match. */
type Part = { readonly text: string } | { readonly group: string };

/** Text with `$1`, `${1}`, `$name` and `${name}`; `$$` is a dollar sign. A group that is not there is empty. */
class Template {
  readonly hasVariables: boolean;
  readonly #parts: readonly Part[];

  constructor(template: string) {
    this.hasVariables = template.includes('$');
    this.#parts = partsOf(template);
  }

  expand(pattern: Regexp, match: RegexpMatch): string {
    let result = '';
    for (const part of this.#parts) result += 'text' in part ? part.text : groupText(part.group, pattern, match);
    return result;
  }
}

const VARIABLE = /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu;
const NUMBER = /^(0|[1-9][0-9]{0,8})$/;

function partsOf(template: string): readonly Part[] {
  const parts: Part[] = [];
  let copied = 0;
  for (const found of template.matchAll(VARIABLE)) {
    parts.push({ text: template.slice(copied, found.index) });
    const group = found[1] ?? found[2];
    parts.push(group === undefined ? { text: '$' } : { group });
    copied = found.index + found[0].length;
  }
  parts.push({ text: template.slice(copied) });
  return parts;
}

function groupText(group: string, { groupNames }: Regexp, match: RegexpMatch): string {
  const index = NUMBER.test(group) ? Number(group) : groupNames.lastIndexOf(group);
  return index >= 0 && index < groupNames.length ? match.group(index) : '';
}
