import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Timer } from '../../core/clock.ts';
import type { Exporter, Host, Settings } from '../../core/component.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import { wantsGzip } from '../../core/http/preferences.ts';
import type { HttpResponse } from '../../core/http/response.ts';
import type { HttpRequest } from '../../core/http/types.ts';
import { AdminServer, content, NOT_FOUND } from '../../core/http-admin/server.ts';
import type { MetricDefinition } from '../../core/meter.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { openMetricsPage, textPage } from '../../core/prometheus/exposition.ts';
import type { MetricNaming } from '../../core/prometheus/names.ts';
import { negotiate } from '../../core/prometheus/negotiate.ts';
import { protobufPage } from '../../core/prometheus/protobuf.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { Accumulator, type Resource, SERVICE_ATTRIBUTES, type Texts } from './accumulator.ts';
import { Collector } from './collector.ts';
import type { Config } from './config.ts';

const compressed = promisify(gzip);

const DROPPED: MetricDefinition = {
  name: 'otelcol_exporter_prometheus_dropped_points',
  description: 'Number of data points dropped because there are max_series series already.',
  unit: '{datapoints}',
};

/** Keeps the newest value of every series and serves them at `/metrics`. A batch is sent when its points are kept. */
export function prometheusExporter(settings: Settings, config: Config): Exporter {
  const page = new MetricsPage(settings, config);
  return exporterWith(settings, { sending_queue: config.sending_queue }, (batch) => page.add(batch), {
    start: (host) => page.start(host),
    shutdown: () => page.close(),
  });
}

class MetricsPage {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #accumulator: Accumulator;
  readonly #collector: Collector;
  #server: AdminServer | undefined;
  #sweep: Timer | undefined;
  #toldOfDrop = false;

  constructor(settings: Settings, config: Config) {
    this.#settings = settings;
    this.#config = config;
    const expirationMs = config.metric_expiration;
    const { enabled, exclude_service_attributes: exclude } = config.resource_to_telemetry_conversion;
    this.#accumulator = new Accumulator({
      maxSeries: config.max_series,
      expirationMs,
      promoted: ({ attributes }: Resource): Texts =>
        enabled ? attributes.filter(([key]) => !exclude || !SERVICE_ATTRIBUTES.has(key)) : [],
    });
    const options = {
      naming: namingOf(settings, config),
      constLabels: config.const_labels,
      sendTimestamps: config.send_timestamps,
      scopeInfo: !config.without_scope_info,
      expirationMs,
    };
    this.#collector = new Collector(options, settings.logger);
  }

  async start(host: Host): Promise<void> {
    const { clock, logger } = this.#settings;
    this.#server = await AdminServer.start(this.#config, (request, { path }) => this.#answer(request, path), {
      host,
      clock,
      logger,
    });
    const expiration = this.#config.metric_expiration;
    // what nobody scrapes must not grow either
    if (expiration > 0) {
      this.#sweep = clock.every(expiration, () => {
        this.#accumulator.expire(clock.monotonic());
        this.#collector.expire(clock.monotonic());
      });
    }
  }

  async close(): Promise<void> {
    this.#sweep?.cancel();
    await this.#server?.close();
  }

  add(batch: Telemetry): void {
    const dropped = this.#accumulator.add(decodeTree('metrics', batch), this.#settings.clock.monotonic());
    if (dropped === 0) return;
    const { meter, logger, name } = this.#settings;
    meter.counter(DROPPED, { exporter: name }).add(dropped);
    if (this.#toldOfDrop) return;
    this.#toldOfDrop = true;
    logger.warn('Data points of new series are dropped, there are max_series already', {
      max_series: this.#config.max_series,
    });
  }

  async #answer(request: HttpRequest, path: string): Promise<HttpResponse> {
    if (path !== '/metrics') return NOT_FOUND;
    const now = this.#settings.clock.monotonic();
    const families = this.#collector.collect(this.#accumulator.live(now), now);
    const format = negotiate(request.header('accept'), this.#config.enable_open_metrics);
    const write = { text: textPage, openmetrics: openMetricsPage, protobuf: protobufPage }[format.kind];
    const page = write(families, format.escaping);
    if (!wantsGzip(request.header('accept-encoding'))) return content(200, format.contentType, page);
    return content(200, format.contentType, await compressed(page), [['Content-Encoding', 'gzip']]);
  }
}

const LEGACY_SUFFIXES_GATE = 'exporter.prometheusexporter.DisableAddMetricSuffixes';

function namingOf(settings: Settings, config: Config): MetricNaming {
  const { translation_strategy: strategy, namespace } = config;
  const unset = strategy === '' && !settings.featureGate(LEGACY_SUFFIXES_GATE);
  return {
    suffixes: unset
      ? config.add_metric_suffixes
      : !['UnderscoreEscapingWithoutSuffixes', 'NoTranslation'].includes(strategy),
    utf8: strategy === 'NoUTF8EscapingWithSuffixes' || strategy === 'NoTranslation',
    namespace,
  };
}
