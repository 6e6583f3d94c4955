import type { Position } from './node.ts';

/** One thing wrong with a configuration. */
export interface Fault {
  /** Undefined where there is no place: a section that is missing. */
  readonly at?: Position | undefined;
  /** `processors::batch`, or empty. */
  readonly section: string;
  /** In the collector's words, which people search for. */
  readonly message: string;
  /** What the user wrote, safe to print. */
  readonly found?: string | undefined;
  /** What to do about it: one clause without a full stop. */
  readonly hint?: string | undefined;
  /** `key`: the place is a key. `secret`: the line must not be shown. Else the place is a value. */
  readonly kind?: 'key' | 'secret' | undefined;
}

/** A configuration that cannot be used, with everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly Fault[];
  /** What is not wrong in itself, but may be why: a variable that is not set, a key of older collectors. */
  readonly warnings: readonly string[];

  constructor(faults: readonly Fault[], warnings: readonly string[] = []) {
    super(faults.map(faultLine).join('\n'));
    this.faults = faults;
    this.warnings = warnings;
  }
}

/** `config.yaml:12:7: processors::batch: 'send_batch_size' expected … (found "abc")`. */
export function faultLine(fault: Fault): string {
  const place = fault.at === undefined ? '' : `${formatPosition(fault.at)}: `;
  const section = fault.section === '' ? '' : `${fault.section}: `;
  const found = fault.found === undefined ? '' : ` (found ${fault.found})`;
  return `${place}${section}${fault.message}${found}`;
}

export function formatPosition(at: Position): string {
  return `${at.source}:${at.line}:${at.column}`;
}
