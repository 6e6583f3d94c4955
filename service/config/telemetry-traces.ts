import { any, float, int, list, maybe, optional, string, stringList, struct } from '../../core/config/fields.ts';
import type { Schema } from '../../core/config/schema.ts';
import { telemetryLevel } from './metrics-level.ts';
import { consoleExporter, otlpKeys } from './telemetry-otlp.ts';

const section = { present: false, enabledKey: false } as const;
const milliseconds = (doc: string) => maybe(int(doc, 0, 'int'));

const exporter = struct('config.SpanExporter', 'In which form.', {
  otlp: optional(struct('config.OTLP', 'Sends spans over OTLP.', otlpKeys), section),
  console: consoleExporter,
  zipkin: optional(
    struct('config.Zipkin', 'Sends spans to Zipkin.', {
      endpoint: string('URL to send to.'),
      timeout: milliseconds('Milliseconds for one export.'),
    }),
    section,
  ),
});

const processor = struct('config.SpanProcessor', 'A way for spans to leave the process: batch or simple.', {
  batch: optional(
    struct('config.BatchSpanProcessor', 'Sends spans together.', {
      exporter,
      schedule_delay: milliseconds('Milliseconds from a span to the export that takes it along.'),
      export_timeout: milliseconds('Milliseconds for one export.'),
      max_queue_size: maybe(int('Spans that may wait.', 0, 'int')),
      max_export_batch_size: maybe(int('Spans in one export.', 0, 'int')),
    }),
    section,
  ),
  simple: optional(struct('config.SimpleSpanProcessor', 'Sends spans as they end.', { exporter }), section),
});

/** A sampler may stand inside others; nobody goes deeper than this, and below nothing is checked. */
const MAX_SAMPLERS = 3;

function sampler(doc: string, depth = 0): Schema<unknown> {
  if (depth === MAX_SAMPLERS) return any(doc);
  const inner = (text: string): Schema<unknown> => sampler(text, depth + 1);
  const keys = struct('config.Sampler', doc, {
    always_on: optional(struct('config.SamplerAlwaysOn', 'Every span.', {}), section),
    always_off: optional(struct('config.SamplerAlwaysOff', 'No span.', {}), section),
    trace_id_ratio_based: optional(
      struct('config.SamplerTraceIDRatioBased', 'A part of the traces.', { ratio: maybe(float('The part, up to 1.')) }),
      section,
    ),
    parent_based: optional(
      struct('config.SamplerParentBased', 'As the parent says.', {
        root: inner('For spans without a parent.'),
        remote_parent_sampled: inner('Where a parent elsewhere was kept.'),
        remote_parent_not_sampled: inner('Where it was not.'),
        local_parent_sampled: inner('Where a parent in this process was kept.'),
        local_parent_not_sampled: inner('Where it was not.'),
      }),
      section,
    ),
    jaeger_remote: optional(
      struct('config.SamplerJaegerRemote', 'As a server says.', {
        endpoint: string('URL of the server.'),
        interval: milliseconds('Milliseconds from one question to the next.'),
        initial_sampler: inner('Until the server answers.'),
      }),
      section,
    ),
  });
  return optional(keys, section);
}

const limit = (doc: string) => maybe(int(doc, 0, 'int'));

/** `service::telemetry::traces`. */
export const traces = struct('migration.TracesConfigV030', 'The traces of the process. Accepted; there are none.', {
  level: telemetryLevel('How many spans there are.'),
  propagators: stringList('How context is handed on: tracecontext, b3.'),
  processors: list('Where spans go.', processor),
  sampler: sampler('Which spans are kept.'),
  limits: optional(
    struct('config.SpanLimits', 'The most of everything in a span.', {
      attribute_count_limit: limit('Attributes.'),
      attribute_value_length_limit: limit('Characters of a value.'),
      event_count_limit: limit('Events.'),
      event_attribute_count_limit: limit('Attributes of an event.'),
      link_count_limit: limit('Links.'),
      link_attribute_count_limit: limit('Attributes of a link.'),
    }),
    section,
  ),
});
