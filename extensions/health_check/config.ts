import { any, bool, duration, type Infer, int, optional, string, struct } from '../../core/config/fields.ts';
import { httpServer } from '../../core/config/sections/http-server.ts';

const responseBody = struct('http.ResponseBodyConfig', 'Fixed bodies instead of the JSON object.', {
  healthy: string('Body while the pipelines are running.'),
  unhealthy: string('Body while they are not.'),
});

const checkCollectorPipeline = struct('http.CheckCollectorPipelineConfig', 'Accepted, without effect.', {
  enabled: bool('Without effect.'),
  interval: string('Without effect.', '5m'),
  exporter_failure_threshold: int('Without effect.', 5),
});

const checkExporters = struct('http.CheckExportersConfig', 'Unhealthy also while exporters are in trouble for long.', {
  failing_for: duration('How long every export of an exporter may fail; 0 means for ever.', '5m'),
  queue_full_for: duration('How long a sending queue may be full; 0 means for ever.', '1m'),
});

const healthCheck = struct(
  'healthcheck.Config',
  'Where the health of the process is told.',
  {
    path: string('Path of the answer; one that ends with a slash stands for all paths below it.', '/'),
    response_body: optional(responseBody, { present: false, enabledKey: false }),
    check_collector_pipeline: checkCollectorPipeline,
    check_exporters: optional(checkExporters, { present: false }),
    use_v2: bool('Of a later version of this extension; only false is accepted.'),
    http: any('Of a later version of this extension; refused.'),
    grpc: any('Of a later version of this extension; refused.'),
    component_health: any('Of a later version of this extension; without effect.'),
  },
  {
    embed: [
      httpServer.with({
        endpoint: 'localhost:13133',
        // probes come once in a while, each on a connection of its own
        keep_alives_enabled: false,
        read_header_timeout: 0,
        write_timeout: 0,
        idle_timeout: 0,
      }),
    ],
    validate(value, path, report) {
      if (value.endpoint === '') report(path, 'http endpoint required');
      const { failing_for = 0, queue_full_for = 0 } = value.check_exporters ?? {};
      if (failing_for < 0 || queue_full_for < 0) report(path, 'times of check_exporters must be non-negative');
      if (!value.path.startsWith('/')) report(path, 'path must start with /');
      if (value.http !== undefined || value.grpc !== undefined) {
        report(
          path,
          'v2 healthcheck configuration (http/grpc fields) detected, which is not supported; remove the fields',
        );
      } else if (value.use_v2) report(path, "must specify at least one protocol: 'use_v2' is not supported");
    },
  },
);

export const config = struct('healthcheckextension.Config', healthCheck.doc, {}, { embed: [healthCheck] });
export type Config = Infer<typeof config>;
