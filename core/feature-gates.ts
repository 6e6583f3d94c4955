import type { FeatureGate } from './component.ts';
import { nearest } from './config/nearest.ts';

type Row = readonly [id: string, enabled: boolean, description: string];

/** Alpha gates are off and beta gates on unless the user says otherwise. */
const ROWS: readonly Row[] = [
  ['confmap.enableMergeAppendOption', false, 'Lists of components in later configurations add to earlier ones.'],
  ['connector.spanmetrics.excludeResourceMetrics', false, 'Metrics of span_metrics carry no resource attributes.'],
  ['connector.spanmetrics.includeCollectorInstanceID', true, 'Adds collector.instance.id to the dimensions.'],
  ['connector.spanmetrics.legacyMetricNames', false, 'Metric names of span_metrics as they were before.'],
  ['connector.spanmetrics.useSecondAsDefaultMetricsUnit', false, 'Durations are in seconds unless configured.'],
  ['exporter.file.nativeCompression', false, 'The file exporter compresses whole files instead of messages.'],
  ['exporter.prometheusexporter.DisableAddMetricSuffixes', true, 'Ignores add_metric_suffixes.'],
  ['exporter.prometheusremotewritexporter.EnableMultipleWorkers', false, 'Several workers send at a time.'],
  ['exporter.prometheusremotewritexporter.RetryOn429', false, 'Status 429 is retried.'],
  ['exporter.prometheusremotewritexporter.enableSendingRW2', false, 'Allows the second version of remote write.'],
  ['extension.healthcheck.useComponentStatus', false, 'The health check follows the status of components.'],
  ['filter.filterlog.useOTTLBridge', false, 'Log conditions are evaluated as OTTL.'],
  ['filter.filtermetric.useOTTLBridge', false, 'Metric conditions are evaluated as OTTL.'],
  ['filter.filterspan.useOTTLBridge', false, 'Span conditions are evaluated as OTTL.'],
  ['ottl.PanicDuplicateName', true, 'Two OTTL functions of one name are refused.'],
  ['ottl.contexts.enableOTelColContext', true, 'OTTL paths may begin with otelcol.'],
  ['ottl.functions.enableLambda', false, 'OTTL functions may take lambda arguments.'],
  ['pdata.useProtoPooling', false, 'Memory of decoded data is reused. Has no effect here.'],
  ['pkg.translator.prometheus.PermissiveLabelSanitization', false, 'Labels may start with an underscore.'],
  ['pkg.translator.zipkin.DontEmitV0CloudResourceConventions', false, 'Zipkin spans lose the old faas.id.'],
  ['pkg.translator.zipkin.DontEmitV0HttpConventions', false, 'Zipkin spans lose the old http.status_code.'],
  ['pkg.translator.zipkin.DontEmitV0NetworkConventions', true, 'Zipkin spans lose the old net.* attributes.'],
  ['pkg.translator.zipkin.DontEmitV0ScopeConventions', false, 'Zipkin spans lose the old otel.library.* attributes.'],
  ['pkg.translator.zipkin.EmitV1CloudResourceConventions', false, 'Zipkin spans get cloud.resource_id.'],
  ['pkg.translator.zipkin.EmitV1HttpConventions', false, 'Zipkin spans get http.response.status_code.'],
  ['pkg.translator.zipkin.EmitV1NetworkConventions', true, 'Zipkin spans get network.* attributes.'],
  ['pkg.translator.zipkin.EmitV1ScopeConventions', false, 'Zipkin spans get otel.scope.* attributes.'],
  ['processor.filter.defaultErrorModeIgnore', true, 'Default error_mode of filter is ignore, not propagate.'],
  ['processor.tailsamplingprocessor.metricstatcountbytessampled', false, 'Counts sampled bytes by policy.'],
  ['processor.tailsamplingprocessor.metricstatcountspanssampled', false, 'Counts sampled spans by policy.'],
  ['processor.tailsamplingprocessor.recordpolicy', false, 'Sampled spans name the policy that chose them.'],
  ['processor.tailsamplingprocessor.tailstorageextension', false, 'Allows tail_storage.'],
  ['processor.transform.defaultErrorModeIgnore', true, 'Default error_mode of transform is ignore, not propagate.'],
  ['receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion', false, 'Adds a zero at created timestamps.'],
  ['receiver.prometheusreceiver.IgnoreScopeInfoMetric', false, 'Scope attributes do not come from otel_scope_info.'],
  ['receiverhelper.newReceiverMetrics', false, 'Tells errors of a receiver from those of what follows it.'],
  ['service.AllowNoPipelines', false, 'Allows a configuration without pipelines.'],
  ['service.profilesSupport', false, 'Allows pipelines for profiles.'],
  ['spanmetrics.statusCodeConvention.useOtelPrefix', false, 'Uses otel.status_code=ERROR for the status.'],
  ['telemetry.newPipelineTelemetry', false, 'Self-metrics name their component in the scope.'],
  ['transform.flatten.logs', false, 'Each log record is transformed with a resource of its own.'],
];

/** Gates of older collectors that start scripts still pass. What they switched is how things are today, or gone. */
const RETIRED: ReadonlySet<string> = new Set([
  'component.UseLocalHostAsDefaultHost',
  'confmap.expandEnabled',
  'confmap.strictlyTypedInput',
  'confmap.unifyEnvVarExpansion',
  'exporter.UsePullingBasedExporterQueueBatcher',
  'otelcol.printInitialConfig',
  'pkg.translator.prometheus.NormalizeName',
  'pkg.translator.prometheus.NormalizeNameOnlySuffixes',
  'processor.transform.ConvertBetweenSumAndGaugeMetricContext',
  'processor.tailsamplingprocessor.disableinvertdecisions',
  'receiver.prometheus.OTLPDirect',
  'receiver.prometheusreceiver.EnableNativeHistograms',
  'receiver.prometheusreceiver.RemoveLegacyResourceAttributes',
  'receiver.prometheusreceiver.RemoveStartTimeAdjustment',
  'receiver.prometheusreceiver.UseCollectorStartTimeFallback',
  'service.disableOpenCensusBridge',
  'service.graph',
  'service.noopTracerProvider',
  'telemetry.UseLocalHostAsDefaultMetricsAddress',
  'telemetry.disableAddressFieldForInternalTelemetry',
  'telemetry.disableHighCardinalityMetrics',
  'telemetry.useOtelForInternalMetrics',
  'telemetry.useOtelWithSDKConfigurationForInternalTelemetry',
]);

export const FEATURE_GATES: readonly FeatureGate[] = ROWS.map(([id, enabled, description]) => ({
  id,
  enabled,
  stage: enabled ? 'Beta' : 'Alpha',
  description,
}));

export interface ChosenGates {
  readonly gates: readonly FeatureGate[];
  readonly warnings: readonly string[];
}

/**
 * Applies `--feature-gates` arguments: comma lists of ids, `-` before one that is switched off, `+` or nothing before
 * others. A gate of older collectors is a warning; when strict, and for any other unknown id, `error` has the
 * collector's words.
 */
export function chooseFeatureGates(args: readonly string[], strict: boolean): ChosenGates | { readonly error: string } {
  const gates = new Map(FEATURE_GATES.map((gate) => [gate.id, gate]));
  const warnings: string[] = [];
  for (const arg of args) {
    for (const part of arg.split(',').filter((p) => p !== '')) {
      const id = part.replace(/^[-+]/, '');
      const gate = gates.get(id);
      if (gate !== undefined) gates.set(id, { ...gate, enabled: !part.startsWith('-') });
      else if (!strict && RETIRED.has(id))
        warnings.push(`feature gate ${JSON.stringify(id)} was retired and has no effect`);
      else return { error: unknownGate(arg, id) };
    }
  }
  return { gates: [...gates.values()], warnings };
}

function unknownGate(arg: string, id: string): string {
  const ids = FEATURE_GATES.map((gate) => gate.id);
  const near = nearest(id, ids);
  const hint = near === undefined ? '' : ` (did you mean ${JSON.stringify(near)}?)`;
  return (
    `invalid argument ${JSON.stringify(arg)} for "--feature-gates" flag: ` +
    `no such feature gate ${JSON.stringify(id)}${hint}. valid gates: [${ids.join(' ')}]`
  );
}
