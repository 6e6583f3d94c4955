import type { Signal } from '../../signal.ts';
import { countItems } from '../readers/groups.ts';
import { LARGEST_REQUEST, scanInKernel } from './kernel.ts';
import { REQUEST_KIND } from './table.ts';
import { legacy, walkRequest } from './walk.ts';

export { MalformedError } from './malformed.ts';

/**
 * One walk over the export request in `buffer[start, end)`: the number of its items, or a MalformedError. Whatever
 * passes may be read by the readers without looking at lengths again.
 *
 * Checked: that every message is made of whole fields, that known fields have their wire type, that trace ids have 16
 * bytes and span ids 8 (or none), that packed numbers are whole, and that messages are not nested too deep. Fields
 * nobody knows and text that is not UTF-8 pass, as in the collector.
 */
export function scan(signal: Signal, buffer: Buffer, start: number, end: number): number {
  if (end - start <= LARGEST_REQUEST) {
    const items = scanInKernel(buffer, start, end, REQUEST_KIND[signal]);
    if (items >= 0) return items;
  }
  const items = walkRequest(signal, buffer, start, end);
  return legacy ? countItems(signal, { ranges: [{ buffer, start, end }] }) : items;
}
