import type { Clock } from '../../core/clock.ts';
import type { BuildInfo } from '../../core/component.ts';
import type { Logger } from '../../core/logger.ts';
import { finalExports } from './final-exports.ts';
import { openLog } from './logs.ts';
import { PeriodicReader } from './periodic-reader.ts';
import { observeProcess } from './process-metrics.ts';
import { startPrometheusReader } from './prometheus-reader.ts';
import { Registry } from './registry.ts';
import type { ReaderSettings, TelemetrySettings } from './types.ts';

/** Log and metrics of the process itself, running. */
export interface ProcessTelemetry {
  readonly logger: Logger;
  readonly meter: Registry;
  /** Ends the readers (periodic ones export once more) and closes the log. Call it last. Safe to repeat. */
  shutdown(): Promise<void>;
}

interface Reader {
  close(): Promise<void>;
}

/** Opens the log and starts the readers. Fails with one sentence where a file or a port cannot be had. */
export async function startTelemetry(
  settings: TelemetrySettings,
  build: BuildInfo,
  clock: Clock,
): Promise<ProcessTelemetry> {
  const common = {
    resource: settings.resource,
    clock,
    userAgent: `${build.command}/${build.version}`,
    print: (line: string) => void process.stdout.write(`${line}\n`),
  };
  const log = openLog(settings.logs, common);
  const registry = new Registry(settings.metrics.level);
  observeProcess(registry, clock);
  const readers: Reader[] = [];
  const shutdown = async (): Promise<void> => {
    const ending = readers.splice(0).map((reader) => reader.close());
    await finalExports(clock, ending);
    await log.close();
  };
  const context = { ...common, registry, logger: log.logger };
  const start = async (reader: ReaderSettings): Promise<void> => {
    const prometheus = reader.pull?.exporter.prometheus;
    if (prometheus !== undefined) {
      readers.push(await startPrometheusReader(registry, settings.resource, prometheus));
    }
    if (reader.periodic !== undefined) readers.push(new PeriodicReader(context, reader.periodic));
  };
  try {
    if (settings.metrics.level !== 'none') for (const reader of settings.metrics.readers) await start(reader);
  } catch (error) {
    await shutdown();
    throw new Error(`failed to create meter provider: ${(error as Error).message}`, { cause: error });
  }
  warnOfIgnored(settings, log.logger);
  return { logger: log.logger, meter: registry, shutdown };
}

/** A valid configuration that has less effect than its author thinks. */
function warnOfIgnored({ metrics, traces }: TelemetrySettings, logger: Logger): void {
  const ignored = [
    ['service::telemetry::metrics::views', metrics.views],
    ['service::telemetry::traces::processors', traces?.processors],
  ] as const;
  for (const [key, value] of ignored) {
    if (value !== undefined && value.length > 0) logger.warn('A section is accepted without effect', { key });
  }
}
