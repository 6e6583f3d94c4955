import type { Settings } from '../component.ts';
import { ITEM_NAME, type Signal } from '../signal.ts';
import { DROPPED_FIELD } from './methods.ts';
import type { PartialSuccess } from './service.ts';

/** Logs and counts what a peer did not take of a batch that it accepted. It will not take that a second time. */
export function reportPartialSuccess(
  { name, logger, meter }: Settings,
  signal: Signal,
  { rejected, errorMessage }: PartialSuccess,
): void {
  if (rejected === 0 && errorMessage === '') return;
  logger.warn('Partial success response', { message: errorMessage, [DROPPED_FIELD[signal]]: rejected });
  const definition = {
    name: `otelcol_exporter_partial_success_rejected_${ITEM_NAME[signal]}`,
    description: 'Items that the destination refused of batches it accepted; they count as sent too.',
    unit: '{item}',
  };
  meter.counter(definition, { exporter: name }).add(Math.max(0, rejected));
}
