import type { Exporter } from '../component.ts';
import type { PipelineError } from '../error.ts';
import { exporterWith } from '../exporter-helper/exporter.ts';
import type { ExporterConfig, PushContext } from '../exporter-helper/types.ts';
import type { RequestContext } from '../telemetry/context.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { NopHost } from './nop-host.ts';
import { type TestSettings, type TestSettingsOptions, testSettings } from './settings.ts';
import { spanNames } from './spans.ts';

/** A destination in the hands of a test. */
export class FakePush {
  /** The span names of each batch, joined by commas. */
  readonly names: string[] = [];
  readonly attempts: number[] = [];
  readonly contexts: RequestContext[] = [];
  /** Encoded bytes of each batch. */
  readonly sizes: number[] = [];
  /** Fails with this. */
  fail: PipelineError | undefined;
  aborted = 0;
  #gate: Promise<void> | undefined;

  /** From now on a push takes until the returned function is called. */
  hold(): () => void {
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      this.#gate = undefined;
      open();
    };
  }

  push(batch: Telemetry, context: PushContext): void | Promise<void> {
    this.names.push(spanNames(batch).join());
    this.attempts.push(context.attempt);
    this.contexts.push(batch.context);
    this.sizes.push(batch.byteLength);
    context.abort?.addEventListener('abort', () => this.aborted++);
    const error = this.fail;
    if (this.#gate !== undefined) {
      return this.#gate.then(() => {
        spanNames(batch);
        if (error !== undefined) throw error;
      });
    }
    if (error !== undefined) throw error;
  }
}

export interface Started {
  readonly exporter: Exporter;
  readonly push: FakePush;
  readonly settings: TestSettings;
  readonly host: NopHost;
  /** What was called: start, push, shutdown. */
  readonly order: string[];
}

/** An exporter around a FakePush, started unless told otherwise. */
export async function started(
  config: ExporterConfig,
  options: TestSettingsOptions & { readonly start?: boolean } = {},
): Promise<Started> {
  const settings = testSettings({ kind: 'exporter', signals: ['traces'], ...options });
  const push = new FakePush();
  const host = new NopHost();
  const order: string[] = [];
  const record = (batch: Telemetry, context: PushContext) => {
    order.push('push');
    return push.push(batch, context);
  };
  const exporter = exporterWith(settings, config, record, {
    start: () => void order.push('start'),
    shutdown: () => void order.push('shutdown'),
  });
  if (options.start !== false) await exporter.start(host);
  return { exporter, push, settings, host, order };
}
