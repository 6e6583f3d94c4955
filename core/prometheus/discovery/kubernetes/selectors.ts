/** `metadata.name=x,status.phase!=Failed`; a backslash takes the meaning from what follows it. */
const FIELD_TERM = /^(?:[^=!,\\]|\\[\\,=])+(?:==?|!=)(?:[^=,\\]|\\[\\,=])*$/;
const NAME = '[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?';
const VALUE = `(?:${NAME})?`;
/** A requirement of a label selector: `a`, `!a`, `a=b`, `a!=b`, `a in (b, c)`, `a notin (b)`, `a>1`. */
const LABEL_TERM = new RegExp(
  `^\\s*(?:!?\\s*${NAME}|${NAME}\\s*(?:==?|!=)\\s*${VALUE}|${NAME}\\s+(?:in|notin)\\s*\\(\\s*${VALUE}` +
    `(?:\\s*,\\s*${VALUE})*\\s*\\)|${NAME}\\s*[<>]\\s*\\d+)\\s*$`,
);

/** What is wrong with a field selector, if anything; the API server has the last word. */
export function fieldSelectorFault(selector: string): string | undefined {
  const terms = selector.split(/(?<!\\),/).filter((term) => term !== '');
  const bad = terms.find((term) => !FIELD_TERM.test(term));
  if (bad === undefined) return undefined;
  return `invalid selector: '${selector}'; can't understand '${bad}'`;
}

/** What is wrong with a label selector, if anything. */
export function labelSelectorFault(selector: string): string | undefined {
  if (selector.trim() === '') return undefined;
  // commas within parentheses part values, not requirements
  const terms = selector.split(/,(?![^()]*\))/);
  const bad = terms.find((term) => !LABEL_TERM.test(term));
  return bad === undefined ? undefined : `unable to parse requirement: ${JSON.stringify(bad)}`;
}
