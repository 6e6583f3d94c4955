/**
 * Nanoseconds a span in probabilistic_sampler, which keeps few or all spans. Run: `node test/bench/sampler.bench.ts`.
 */
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { type Config, config } from '../../processors/probabilistic_sampler/config.ts';
import { ProbabilisticSampler } from '../../processors/probabilistic_sampler/processor.ts';
import { nanosPerSpan, report, SPANS, sampleRequest } from './sample-request.ts';

const request = sampleRequest();
let kept = 0;
const next = {
  consume(batch: Telemetry): void {
    kept += batch.items;
    batch.release();
  },
};

function measure(options: Partial<Config>): number {
  const processor = new ProbabilisticSampler(testSettings(), { ...config.absent(), ...options }, next);
  return nanosPerSpan(() => {
    void processor.consume(Telemetry.of('traces', request, SPANS));
    return kept;
  });
}

const few = measure({ sampling_percentage: 10 });
report('hash_seed, 10%', few, few);
report('hash_seed, all', measure({ sampling_percentage: 100 }), few);
report('proportional, 10%', measure({ sampling_percentage: 10, mode: 'proportional' }), few);
