import type { FloodResult } from './flood.ts';
import type { SoakResult } from './soak.ts';

/** Resident memory beyond the hard limit: what comes in between two looks of the limiter. */
const OVER_LIMIT = 1.15;
/** What was offered, in limits. */
export const FLOOD = 10;
const GROWTH = 1.05;
/** Descriptors in use at one moment differ by the clients that come and go. */
const CLIENTS = 8;
/** The connection of the exporter, which the first batch opens. */
const OWN_CONNECTIONS = 1;

/** What a flood must not do; empty where all is well. */
export function floodFaults(result: FloodResult): string[] {
  const { limitMiB, peakMiB, bytes, accepted, refused, failed, arrived } = result;
  const offered = bytes / 1024 / 1024;
  return [
    ...(peakMiB > limitMiB * OVER_LIMIT ? [`${peakMiB.toFixed(0)} MiB with a limit of ${limitMiB}`] : []),
    ...(offered < limitMiB * FLOOD ? [`${offered.toFixed(0)} MiB are no flood`] : []),
    ...(refused === 0 ? ['nothing was refused'] : []),
    ...(failed > 0 ? [`${failed} requests ended in another way than acceptance or refusal`] : []),
    ...missing(accepted, result.idSum, arrived.spans, arrived.idSum),
  ];
}

/** The same for a soak. */
export function soakFaults({ sent, arrived, early, late, descriptorsBefore, descriptorsAfter }: SoakResult): string[] {
  return [
    ...(late.rssMiB > early.rssMiB * GROWTH ? [`memory grew from ${early.rssMiB} to ${late.rssMiB} MiB`] : []),
    ...(Math.abs(late.descriptors - early.descriptors) > CLIENTS ? ['descriptors in use changed'] : []),
    ...(late.threads !== early.threads ? ['threads changed'] : []),
    ...(descriptorsAfter > descriptorsBefore + OWN_CONNECTIONS
      ? [`${descriptorsAfter - descriptorsBefore} descriptors are left`]
      : []),
    ...(sent.failed + sent.refused > 0 ? [`${sent.failed} requests failed, ${sent.refused} were refused`] : []),
    ...missing(sent.accepted, sent.idSum, arrived.spans, arrived.idSum),
  ];
}

function missing(accepted: number, acceptedIds: number, arrived: number, arrivedIds: number): string[] {
  if (arrived !== accepted) return [`${accepted} spans were accepted and ${arrived} arrived`];
  return acceptedIds === arrivedIds ? [] : ['other spans arrived than were accepted'];
}
