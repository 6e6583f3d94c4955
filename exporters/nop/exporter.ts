import type { Exporter } from '../../core/component.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

/** Accepts everything and keeps nothing. */
export class NopExporter implements Exporter {
  start(): void {}

  consume(batch: Telemetry): void {
    batch.release();
  }

  shutdown(): void {}
}
