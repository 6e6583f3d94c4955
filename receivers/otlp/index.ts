import { defineReceiver } from '../../core/factory.ts';
import { type Config, config } from './config.ts';
import { OtlpReceiver } from './receiver.ts';

export default defineReceiver<Config>({
  type: 'otlp',
  description: 'Receives OTLP over gRPC and HTTP.',
  config,
  signals: { traces: 'stable', metrics: 'stable', logs: 'stable' },
  surface: { listens: true },
  releases: true,
  create: (settings, config, outputs) => new OtlpReceiver(settings, config, outputs),
});
