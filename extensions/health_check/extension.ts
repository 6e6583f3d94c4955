import type { Clock } from '../../core/clock.ts';
import type { Extension, Host, Settings } from '../../core/component.ts';
import { formatDuration } from '../../core/config/duration.ts';
import type { HttpResponse } from '../../core/http/response.ts';
import { AdminServer, content, NOT_FOUND } from '../../core/http-admin/server.ts';
import type { Logger } from '../../core/logger.ts';
import type { Config } from './config.ts';
import { ExporterWatch } from './exporters.ts';

/**
 * 200 from the moment all pipelines run until they begin to stop, 503 before and after; with `check_exporters` also
 * while one of them is in trouble for too long.
 */
export class HealthCheck implements Extension {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #server: AdminServer | undefined;
  #endListening: (() => void) | undefined;
  #exporters: ExporterWatch | undefined;
  #complaining = false;
  /** Undefined while the pipelines are not running. */
  #since: { readonly nanos: bigint; readonly monotonic: number } | undefined;

  constructor(settings: Settings, config: Config) {
    this.#config = config;
    this.#clock = settings.clock;
    this.#logger = settings.logger;
  }

  async start(host: Host): Promise<void> {
    const { endpoint } = this.#config;
    try {
      this.#server = await AdminServer.start(
        this.#config,
        (_request, { path }) => (this.#serves(path) ? this.#answer() : NOT_FOUND),
        { host, clock: this.#clock, logger: this.#logger },
      );
    } catch (error) {
      throw new Error(`failed to bind to address ${endpoint}: ${(error as Error).message}`, { cause: error });
    }
    this.#logger.info('Starting health_check extension', { endpoint });
    this.#endListening = host.onReady((ready) => this.#setReady(ready));
    const patience = this.#config.check_exporters;
    if (patience !== undefined) this.#exporters = new ExporterWatch(host, this.#clock, patience);
  }

  async shutdown(): Promise<void> {
    this.#endListening?.();
    this.#exporters?.close();
    this.#setReady(false);
    await this.#server?.close();
  }

  /** The port it listens on, for tests that ask for any free one. */
  get port(): number {
    return this.#server?.port ?? 0;
  }

  #setReady(ready: boolean): void {
    if (ready === (this.#since !== undefined)) return;
    this.#since = ready ? { nanos: this.#clock.nowNanos(), monotonic: this.#clock.monotonic() } : undefined;
    this.#logger.info('Health Check state change', { status: ready ? 'ready' : 'unavailable' });
  }

  #serves(path: string): boolean {
    const configured = this.#config.path;
    return path === configured || (configured.endsWith('/') && path.startsWith(configured));
  }

  #answer(): HttpResponse {
    const complaints = this.#since === undefined ? [] : this.#complaints();
    const status = this.#since === undefined || complaints.length > 0 ? 503 : 200;
    const fixed = this.#config.response_body;
    if (fixed !== undefined) {
      return content(status, 'text/plain; charset=utf-8', status === 200 ? fixed.healthy : fixed.unhealthy);
    }
    return content(status, 'application/json', JSON.stringify(this.#report(complaints)));
  }

  #complaints(): readonly string[] {
    const complaints = this.#exporters?.complaints() ?? [];
    const complaining = complaints.length > 0;
    if (complaining && !this.#complaining) {
      this.#logger.warn('Exporters are in trouble, told as unhealthy', { problems: complaints });
    } else if (!complaining && this.#complaining) this.#logger.info('Exporters are well again');
    this.#complaining = complaining;
    return complaints;
  }

  #report(problems: readonly string[]): Report {
    if (this.#since === undefined) {
      return { status: 'Server not available', upSince: '0001-01-01T00:00:00Z', uptime: '' };
    }
    const uptime = formatDuration(this.#clock.monotonic() - this.#since.monotonic);
    const up = { upSince: formatNanos(this.#since.nanos), uptime };
    if (problems.length > 0) return { status: 'Server not available', ...up, problems };
    return { status: 'Server available', ...up };
  }
}

/** The body, with the keys of the collector and `problems`. */
interface Report {
  readonly status: string;
  readonly upSince: string;
  readonly uptime: string;
  readonly problems?: readonly string[];
}

/** RFC 3339 with as many fractional digits as the time has. */
function formatNanos(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = String(nanos % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${seconds}${fraction === '' ? '' : `.${fraction}`}Z`;
}
