import type { Stage } from './stage.ts';
import { attributes, redaction, resource, span } from './stages/attributes.ts';
import { count, spanMetrics } from './stages/connectors.ts';
import { groupbyattrs, groupbytrace } from './stages/grouping.ts';
import { cumulativetodelta, interval } from './stages/metrics.ts';
import { prometheus } from './stages/prometheus.ts';
import { probabilisticSampler } from './stages/sampling.ts';
import { tailSampling } from './stages/tail.ts';

/** Every component that is held against the collector's. */
export const STAGES: readonly Stage[] = [
  ...[attributes, resource, span, redaction, probabilisticSampler],
  ...[groupbyattrs, groupbytrace, cumulativetodelta, interval, tailSampling],
  ...[spanMetrics, count, prometheus],
];
