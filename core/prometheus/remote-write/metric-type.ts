import { type MetricReader, MetricType } from '../../otlp/readers/metric.ts';
import { valueText } from '../../otlp/value.ts';
import { RemoteType } from './series.ts';

/** What a receiver for Prometheus says about a type that OTLP does not have. */
const TYPE_KEY = Buffer.from('prometheus.type');

/** What a metric is for Prometheus. */
export function remoteType(metric: MetricReader): RemoteType {
  switch (metric.type) {
    case MetricType.GAUGE:
      return typeHint(metric) === 'unknown' ? RemoteType.UNKNOWN : RemoteType.GAUGE;
    case MetricType.SUM: {
      if (metric.monotonic) return RemoteType.COUNTER;
      const hint = typeHint(metric);
      return hint === 'info' ? RemoteType.INFO : hint === 'stateset' ? RemoteType.STATESET : RemoteType.GAUGE;
    }
    case MetricType.SUMMARY:
      return RemoteType.SUMMARY;
    case MetricType.NONE:
      return RemoteType.UNKNOWN;
    default:
      return RemoteType.HISTOGRAM;
  }
}

function typeHint({ metadata }: MetricReader): string {
  return metadata.find(TYPE_KEY) ? valueText(metadata.buffer, metadata.valueStart, metadata.valueEnd) : '';
}
