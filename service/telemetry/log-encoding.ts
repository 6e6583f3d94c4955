import { PipelineError } from '../../core/error.ts';
import type { LogFields } from '../../core/logger.ts';
import type { LogSettings } from './types.ts';

/**
 * How lines look. Fields are rendered when they become known, so that what all lines of a component share is rendered
 * once.
 *
 *   console  time TAB level TAB message TAB {"key": value, …}
 *   json     {"level":…,"ts":…,"msg":…,"key":value,…}
 *
 * The collector's `caller` column is left out, as with its `disable_caller: true`: to find the caller costs a stack
 * trace for each line, and the component's fields say where a line comes from.
 */
export interface LogEncoding {
  fields(fields: LogFields): string;
  line(time: string, level: string, message: string, fields: string, stack: string | undefined): string;
}

const CONSOLE: LogEncoding = {
  fields: (fields) => entries(fields, ', ', ': '),
  line(time, level, message, fields, stack) {
    const shown = fields === '' ? '' : `\t{${fields.slice(2)}}`;
    return `${time}\t${level}\t${message}${shown}\n${stack === undefined ? '' : `${stack}\n`}`;
  },
};

const JSON_LINES: LogEncoding = {
  fields: (fields) => entries(fields, ',', ':'),
  line(time, level, message, fields, stack) {
    const trace = stack === undefined ? '' : `,"stacktrace":${JSON.stringify(stack)}`;
    return `{"level":"${level}","ts":"${time}","msg":${JSON.stringify(message)}${fields}${trace}}\n`;
  },
};

export function encodingOf(settings: LogSettings): LogEncoding {
  return settings.encoding === 'json' ? JSON_LINES : CONSOLE;
}

/** Each entry with the separator in front; what JSON cannot say (undefined, a function) is left out. */
function entries(fields: LogFields, separator: string, colon: string): string {
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    const json = toJson(value);
    if (json !== undefined) text += `${separator}${JSON.stringify(key)}${colon}${json}`;
  }
  return text;
}

/** Resource attributes as one object, in the spacing of the encoding. */
export function resourceField(encoding: LogEncoding, resource: Readonly<Record<string, string>>): string {
  const sorted = Object.fromEntries(Object.entries(resource).sort(([a], [b]) => (a < b ? -1 : 1)));
  if (encoding === JSON_LINES) return encoding.fields({ resource: sorted });
  return `, "resource": {${encoding.fields(sorted).slice(2)}}`;
}

/** Never throws: a line that cannot be written must not stop what it tells about. */
function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, plain);
  } catch (error) {
    return JSON.stringify(`(not printable: ${error instanceof Error ? error.message.split('\n')[0] : 'unknown'})`);
  }
}

/** The fields as data: errors as their messages, secrets redacted; what cannot be printed in words. */
export function toPlain(fields: LogFields): unknown {
  const pairs = Object.entries(fields).flatMap(([key, value]): [string, unknown][] => {
    const json = toJson(value);
    return json === undefined ? [] : [[key, JSON.parse(json)]];
  });
  return Object.fromEntries(pairs);
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value instanceof PipelineError ? value.text : value.message;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

/** `2025-04-17T10:40:44.559+0200` in the time zone of the process, `Z` for UTC. */
export function formatTime(milliseconds: number): string {
  const offset = -new Date(milliseconds).getTimezoneOffset();
  if (offset === 0) return new Date(milliseconds).toISOString();
  const local = new Date(milliseconds + offset * 60_000).toISOString().slice(0, -1);
  const hours = String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0');
  const minutes = String(Math.abs(offset) % 60).padStart(2, '0');
  return `${local}${offset < 0 ? '-' : '+'}${hours}${minutes}`;
}
