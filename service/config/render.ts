import { type ConfigError, type Fault, faultLine } from '../../core/config/fault.ts';
import type { Sources } from './load.ts';

/**
 * A configuration error as a person reads it: for each fault the collector's words with the place before them, the
 * line of the file and what to do about it; then the warnings.
 *
 *     Error: config.yaml:12:5: processors::batch: 'batchprocessor.Config' has invalid keys: timout
 *       12 |     timout: 5s
 *          |     ^^^^^^ did you mean 'timeout'?
 */
export function renderConfigError(error: ConfigError, sources: Sources): string {
  const faults = error.faults.map((fault) => `Error: ${faultLine(fault)}\n${excerpt(fault, sources)}`);
  const warnings = error.warnings.map((line) => `Warning: ${line}\n`);
  return [...faults, ...warnings].join('');
}

/** Long lines are cut on both sides of the place. */
const MAX_WIDTH = 100;

function excerpt(fault: Fault, sources: Sources): string {
  const { at, hint, kind } = fault;
  const line = at === undefined ? undefined : sources.get(at.source)?.split('\n')[at.line - 1]?.trimEnd();
  if (at === undefined || line === undefined || kind === 'secret') return hint === undefined ? '' : `  ${hint}\n`;
  const { text, column, width } = cutOut(line, at.column - 1, kind === 'key');
  const gutter = ' '.repeat(String(at.line).length);
  const note = hint === undefined ? '' : ` ${hint}`;
  const under = `${' '.repeat(column)}${'^'.repeat(Math.max(width, 1))}${note}`;
  return `  ${at.line} | ${text}\n  ${gutter} | ${under}\n`;
}

/**
 * The part of a line that may be shown: up to the end of the key or value in question. What else is on the line may
 * be a secret of another key, as in `{password: x, user: 5}`.
 */
function cutOut(line: string, start: number, isKey: boolean): { text: string; column: number; width: number } {
  const rest = line.slice(start);
  const token = isKey ? keyToken(rest) : valueToken(rest);
  const before = line.slice(0, start);
  const boundary = Math.max(before.lastIndexOf(','), before.lastIndexOf('{'), before.lastIndexOf('['));
  const lead = boundary < 0 ? before : `${/^\s*/.exec(before)?.[0] ?? ''}… ${before.slice(boundary + 1).trimStart()}`;
  const shown = token.length > MAX_WIDTH ? `${token.slice(0, MAX_WIDTH)}…` : token;
  return {
    text: lead + shown + (isKey && rest[token.length] === ':' ? ':' : ''),
    column: lead.length,
    width: shown.length,
  };
}

function keyToken(text: string): string {
  return /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^:,\]}#]*(?::(?!\s|$)[^:,\]}#]*)*)/.exec(text)?.[0]?.trimEnd() ?? '';
}

function valueToken(text: string): string {
  const quoted = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/.exec(text)?.[0];
  if (quoted !== undefined) return quoted;
  // a map or list is pointed at, not quoted: it may hold anything
  if (/^[{[]/.test(text)) return text.slice(0, 1);
  return (/^\$\{[^}]*\}/.exec(text)?.[0] ?? /^[^,\]}]*?(?=\s#|\s*$|[,\]}])/.exec(text)?.[0] ?? '').trimEnd();
}
