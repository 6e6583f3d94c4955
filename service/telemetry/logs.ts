import { closeSync, openSync } from 'node:fs';
import sonicBoom from 'sonic-boom';
import type { Clock } from '../../core/clock.ts';
import type { LogFields, Logger } from '../../core/logger.ts';
import { finalExports } from './final-exports.ts';
import { encodingOf, formatTime, type LogEncoding, resourceField } from './log-encoding.ts';
import { LogExport, type LogExportContext } from './log-export.ts';
import { LogSampler } from './log-sampler.ts';
import { LOG_LEVELS, type LogLevel, type LogSettings } from './types.ts';

/** The log of the process. Lines are written before the call that logs returns, so none is lost when it ends. */
export interface ProcessLog {
  readonly logger: Logger;
  /** Sends on what waits and closes files. Lines after it go nowhere. */
  close(): Promise<void>;
}

export type LogContext = Omit<LogExportContext, 'onError'>;

/** Throws where an output cannot be opened. */
export function openLog(settings: LogSettings, context: LogContext): ProcessLog {
  const { resource, clock } = context;
  const errors = new Outputs(settings.error_output_paths, () => {});
  const outputs = new Outputs(settings.output_paths, (error) => {
    errors.write(`${formatTime(clock.now())}\terror\tcannot write log\t{"error": ${JSON.stringify(error.message)}}\n`);
  });
  const encoding = encodingOf(settings);
  const initial = Object.entries(settings.initial_fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const fields =
    encoding.fields(Object.fromEntries(initial)) +
    (settings.disable_zap_resource ? '' : resourceField(encoding, resource));
  const sampler = settings.sampling?.enabled === true ? new LogSampler(settings.sampling, clock) : undefined;
  const stacks = settings.development && !settings.disable_stacktrace;
  const common: Common = { level: settings.level, encoding, sampler, outputs, clock, stacks, exports: [] };
  const unexported = new LineLogger(common, fields, {});
  const onError = (message: string, error: Error): void => unexported.error(message, { error });
  const exports = (settings.processors ?? []).flatMap(({ batch, simple }) =>
    [batch, simple].flatMap((processor) =>
      processor === undefined ? [] : new LogExport({ ...context, onError }, processor),
    ),
  );
  return {
    logger: exports.length === 0 ? unexported : new LineLogger({ ...common, exports }, fields, {}),
    async close() {
      await finalExports(
        clock,
        exports.map((one) => one.close()),
      );
      outputs.close();
      errors.close();
    },
  };
}

interface Common {
  readonly level: LogLevel;
  readonly encoding: LogEncoding;
  readonly sampler: LogSampler | undefined;
  readonly outputs: Outputs;
  readonly clock: Clock;
  readonly stacks: boolean;
  readonly exports: readonly LogExport[];
}

class LineLogger implements Logger {
  readonly debugEnabled: boolean;
  readonly #common: Common;
  /** Rendered. */
  readonly #fields: string;
  /** The same as data, for exports; without those of the whole process. */
  readonly #data: LogFields;
  readonly #least: number;

  constructor(common: Common, fields: string, data: LogFields) {
    this.#common = common;
    this.#fields = fields;
    this.#data = data;
    this.#least = LOG_LEVELS.indexOf(common.level);
    this.debugEnabled = common.level === 'debug';
  }

  debug(message: string, fields?: LogFields): void {
    this.#write(0, message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.#write(1, message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.#write(2, message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.#write(3, message, fields);
  }

  with(fields: LogFields): Logger {
    const data = { ...this.#data, ...fields };
    return new LineLogger(this.#common, this.#fields + this.#common.encoding.fields(fields), data);
  }

  #write(rank: number, message: string, fields: LogFields | undefined): void {
    if (rank < this.#least) return;
    const { encoding, sampler, outputs, clock, stacks, exports } = this.#common;
    const level = LOG_LEVELS[rank] as LogLevel;
    if (sampler !== undefined && !sampler.passes(level, message)) return;
    const shown = fields === undefined ? this.#fields : this.#fields + encoding.fields(fields);
    const stack = stacks && fields?.error instanceof Error ? fields.error.stack : undefined;
    outputs.write(encoding.line(formatTime(clock.now()), level, message, shown, stack));
    for (const one of exports) one.add(level, message, { ...this.#data, ...fields });
  }
}

/** Lines that wait for an output which fails to take them; more are dropped rather than kept without end. */
const MAX_WAITING_BYTES = 1 << 20;

/** Whole lines, retried where a pipe is full for the moment. */
class Outputs {
  readonly #destinations: InstanceType<typeof sonicBoom.SonicBoom>[] = [];
  readonly #files: number[] = [];

  constructor(paths: readonly string[], onError: (error: Error) => void) {
    for (const path of paths) {
      const fd = this.#open(path);
      const destination = new sonicBoom.SonicBoom({ fd, sync: true, maxLength: MAX_WAITING_BYTES });
      destination.on('error', onError);
      this.#destinations.push(destination);
    }
  }

  #open(path: string): number {
    if (path === 'stdout') return process.stdout.fd;
    if (path === 'stderr') return process.stderr.fd;
    const file = path.startsWith('file:') ? new URL(path).pathname : path;
    try {
      const fd = openSync(file, 'a');
      this.#files.push(fd);
      return fd;
    } catch (error) {
      throw new Error(`couldn't open sink "${path}": ${(error as Error).message}`, { cause: error });
    }
  }

  write(line: string): void {
    for (const destination of this.#destinations) destination.write(line);
  }

  close(): void {
    this.#destinations.length = 0;
    for (const fd of this.#files.splice(0)) closeSync(fd);
  }
}
