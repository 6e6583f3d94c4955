import type { Exporter, Settings } from '../../core/component.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import type { LogFields } from '../../core/logger.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { detailedText } from './detailed.ts';
import { normalText } from './normal.ts';
import { LogOutput, type Output, Sampler, StreamOutput } from './output.ts';

/** Prints what it gets; a batch is sent when it is printed. */
export function debugExporter(settings: Settings, config: Config): Exporter {
  const output: Output = config.use_internal_logger
    ? new LogOutput(settings.logger)
    : new StreamOutput(config.output_paths ?? ['stdout']);
  const sampler = new Sampler(settings.clock, config.sampling_initial, config.sampling_thereafter);
  const print = (message: string, fields?: LogFields) => {
    if (sampler.passes(message)) output.print(message, fields);
  };
  const push = (batch: Telemetry) => {
    const { title, fields } = summary(batch);
    print(title, fields);
    if (config.verbosity === 'normal') print(normalText(batch));
    else if (config.verbosity === 'detailed') print(detailedText(batch));
  };
  return exporterWith(settings, { sending_queue: config.sending_queue }, push, {
    start: () => output.open(),
    shutdown: () => output.close(),
  });
}

function summary(batch: Telemetry): { readonly title: string; readonly fields: LogFields } {
  switch (batch.signal) {
    case 'traces':
      return { title: 'Traces', fields: { 'resource spans': count(batch).resources, spans: batch.items } };
    case 'metrics': {
      const { resources, members } = count(batch);
      return {
        title: 'Metrics',
        fields: { 'resource metrics': resources, metrics: members, 'data points': batch.items },
      };
    }
    case 'logs':
      return { title: 'Logs', fields: { 'resource logs': count(batch).resources, 'log records': batch.items } };
  }
}

function count(batch: Telemetry): { readonly resources: number; readonly members: number } {
  const groups = new Groups().open(batch);
  let resources = 0;
  let members = 0;
  while (groups.nextResource()) {
    resources++;
    while (groups.nextScope()) while (groups.nextMember()) members++;
  }
  return { resources, members };
}
