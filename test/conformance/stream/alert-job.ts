import { config } from '../../../connectors/dedup/config.ts';
import { dedupConnector } from '../../../connectors/dedup/connector.ts';
import type { Connector } from '../../../core/component.ts';
import { readYaml } from '../../../core/config/read.ts';
import { AlertAttribute } from '../../../core/stream/alert.ts';
import type { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { NopHost } from '../../../core/testing/nop-host.ts';
import { testSettings } from '../../../core/testing/settings.ts';
import { Outlets, type StreamCase, Times, textOf, type WindowOfCase, windowYaml } from './harness.ts';
import { type PatternOfCase, recordsOf, runPatterns } from './pattern.ts';

/** Which alert stands for a window is an option, so windows are made for each. */
const KEEPS = ['earliest', 'latest'] as const;

interface JobConfig {
  readonly patterns: readonly (PatternOfCase & { readonly alert_type: string })[];
  readonly window: WindowOfCase;
}

/** Patterns, and the windows over the alerts that they raise. */
export async function run(testCase: StreamCase): Promise<object> {
  const { patterns, window } = testCase.config as unknown as JobConfig;
  const times = new Times(testCase);
  const byType = Object.fromEntries(patterns.map(({ alert_type: type, ...pattern }) => [type, pattern]));
  const steps = (type: string) => byType[type]?.pattern.map(({ name }) => String(name)) ?? [];
  const windows = await Promise.all(KEEPS.map((keep) => AlertWindows.start(window, keep, times, steps)));
  const { rows } = await runPatterns(testCase, byType, {
    timeouts: false,
    tap: (batches, before, now) => {
      for (const each of windows) each.take(batches, before, now);
    },
  });
  const alerts = rows.map(({ alertType: alert_type, isTimeout: _, ...row }) => ({ alert_type, ...row }));
  const [earliest, latest] = windows.map(({ rows }) => rows);
  const firings = earliest?.map((row, i) => ({ ...row, latest: latest?.[i]?.latest }));
  return { alerts, firings, late: [] };
}

type WindowRow = Record<string, unknown>;

class AlertWindows {
  readonly rows: WindowRow[] = [];
  readonly #dedup: Connector;
  readonly #outlets = new Outlets('logs', 'logs');
  readonly #window: WindowOfCase;
  readonly #keep: string;
  readonly #times: Times;
  readonly #steps: (type: string) => readonly string[];

  constructor(window: WindowOfCase, keep: string, times: Times, steps: (type: string) => readonly string[]) {
    this.#steps = steps;
    const yaml = `${windowYaml(window)}\nkeep: ${keep}\nmax_future: 0s\nlate_pipeline: logs/late`;
    this.#dedup = dedupConnector(
      testSettings({ id: 'dedup', kind: 'connector' }),
      readYaml(config, yaml),
      this.#outlets,
    );
    this.#window = window;
    this.#keep = keep;
    this.#times = times;
  }

  /** `steps`: the names of the steps of a pattern, in their order, by the type of its alerts. */
  static async start(...options: ConstructorParameters<typeof AlertWindows>): Promise<AlertWindows> {
    const windows = new AlertWindows(...options);
    await windows.#dedup.start(new NopHost());
    return windows;
  }

  take(batches: readonly Telemetry[], before: number, now: number): void {
    for (const batch of batches) void this.#dedup.consume(batch.retain());
    void this.#dedup.watermark?.('case', now);
    for (const record of this.#outlets.results.batches.flatMap(recordsOf)) {
      const { size_ms: size = 1 } = this.#window;
      const first = Date.parse(textOf(record.attributes, AlertAttribute.FIRST_TIME));
      const start = Math.floor(first / size) * size;
      const key = textOf(record.attributes, AlertAttribute.TYPE);
      // the evidence is that of all alerts; the kept one has its own by step
      const groups = JSON.parse(textOf(record.attributes, 'alert.steps')) as Record<string, string[]>;
      const ids = this.#steps(key).flatMap((step) => groups[step] ?? []);
      this.rows.push({
        key,
        window_start: this.#times.out(start),
        window_end: this.#times.out(start + size),
        count: Number(textOf(record.attributes, AlertAttribute.COUNT)),
        [this.#keep]: `${textOf(record.attributes, AlertAttribute.KEY)}/${ids.join('+')}`,
        fired_at_watermark: this.#times.out(now),
        is_late_firing: start + size - 1 <= before,
      });
    }
    this.#outlets.results.clear();
  }
}
