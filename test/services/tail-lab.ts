/** Traces in Kafka, and which of their spans sampling has to keep: for tests that end processes at any moment. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutgoingRecord } from '../../core/kafka/client.ts';
import { platformaticDriver } from '../../core/kafka/platformatic.ts';
import { decodeJson } from '../../core/otlp/json/decode.ts';
import { decodeTree } from '../../core/otlp/tree.ts';
import { probabilistic } from '../../processors/tail_sampling/policies/chance.ts';
import { Decision } from '../../processors/tail_sampling/policies/policy.ts';
import { TraceView } from '../../processors/tail_sampling/policies/trace-view.ts';
import { labClient, readCommitted } from './stream-lab.ts';

export const PARTITIONS = 6;
const PERCENT = 20;
const ERRORS = 0.2;
const RECORDS_PER_TRACE = 4;
/** From the first record of a trace to its last: some come before the decision, some after it. */
const TRACE_MS = 4_000;

interface Piece {
  readonly due: number;
  readonly record: OutgoingRecord;
}

/** Puts traces into partitions, piece by piece, and keeps what has to come out. */
export class Traces {
  readonly #producer;
  readonly #policy = probabilistic({ hash_salt: '', sampling_percentage: PERCENT });
  readonly #pieces: Piece[] = [];
  #made = 0;
  /** Spans of traces to keep, by trace id and number. */
  readonly expected = new Set<string>();

  constructor(brokers: readonly string[]) {
    this.#producer = platformaticDriver.producer({
      ...labClient(brokers),
      ...{ acks: -1, codec: 'none', idempotent: true, transactionalId: '', autoCreateTopics: false },
      partitioner: (_topic, key) => (key?.[0] ?? 0) % PARTITIONS,
    });
  }

  /** One more trace, and what is due of those before. */
  async next(now: number): Promise<void> {
    this.#begin(now);
    await this.#send(now);
  }

  /** All that is left. */
  async end(): Promise<void> {
    await this.#send(Number.POSITIVE_INFINITY);
    await this.#producer.close();
  }

  /** Whether to keep it is clear from its first piece on, so that the decision does not depend on when it falls. */
  #begin(now: number): void {
    const id = Buffer.from(Array.from({ length: 16 }, () => Math.floor(Math.random() * 256)));
    const isError = Math.random() < ERRORS;
    const view = new TraceView().open(id, 0, 1, 0);
    const isKept = isError || this.#policy.evaluate(view) === Decision.SAMPLED;
    for (let i = 0; i < RECORDS_PER_TRACE; i++) {
      const names = i % 2 === 0 ? [`${this.#made}.${i}`] : [`${this.#made}.${i}`, `${this.#made}.${i}+`];
      if (isKept) for (const name of names) this.expected.add(`${id.toString('hex')} ${name}`);
      const record = { topic: 'spans', key: id, value: pieceOf(id, names, isError && i === 0), headers: [] };
      this.#pieces.push({ due: i === 0 ? now : now + Math.random() * TRACE_MS, record });
    }
    this.#made++;
  }

  async #send(now: number): Promise<void> {
    const due = this.#pieces.filter((piece) => piece.due <= now);
    if (due.length === 0) return;
    this.#pieces.splice(0, this.#pieces.length, ...this.#pieces.filter((piece) => piece.due > now));
    await this.#producer.send(due.map(({ record }) => record));
  }
}

/** The committed spans of the topic `sampled`, as they come: trace id and name. */
export async function sampledOf(brokers: readonly string[]) {
  const spans: string[] = [];
  const read = await readCommitted(brokers, 'sampled', (value) => {
    const tree = decodeTree('traces', { ranges: [{ buffer: value, start: 0, end: value.length }] });
    for (const { scopeSpans } of tree.resourceSpans) {
      for (const scope of scopeSpans) {
        for (const { traceId, name } of scope.spans) spans.push(`${Buffer.from(traceId).toString('hex')} ${name}`);
      }
    }
  });
  return { spans, ...read };
}

/** The configuration of a process that samples. */
export function samplingConfig(brokers: readonly string[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'weir-tail-')), 'config.yaml');
  const list = `[${brokers.map((broker) => `"${broker}"`).join(', ')}]`;
  writeFileSync(
    path,
    `
extensions:
  checkpoint:
    interval: 300ms
    min_pause: 50ms
    exactly_once: { brokers: ${list}, replication_factor: 1, partitions: 3 }
receivers:
  kafka:
    brokers: ${list}
    group_id: sampling
    group_instance_id: only
    initial_offset: earliest
    session_timeout: 6s
    heartbeat_interval: 1s
    traces: { topics: [spans] }
processors:
  tail_sampling:
    decision_wait: 1s
    policies:
      - { name: errors, type: status_code, status_code: { status_codes: [ERROR] } }
      - { name: some, type: probabilistic, probabilistic: { sampling_percentage: ${PERCENT} } }
exporters:
  kafka:
    brokers: ${list}
    exactly_once: true
    traces: { topic: sampled }
service:
  extensions: [checkpoint]
  telemetry: { metrics: { level: none } }
  pipelines:
    traces: { receivers: [kafka], processors: [tail_sampling], exporters: [kafka] }
`,
  );
  return path;
}

function pieceOf(id: Buffer, names: readonly string[], isError: boolean): Buffer {
  const spans = names.map((name) => ({
    traceId: id.toString('hex'),
    spanId: '00000000000000ff',
    name,
    ...(isError ? { status: { code: 2 } } : {}),
  }));
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: `service-${(id[1] ?? 0) % 7}` } }] };
  const request = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'lib' }, spans }] }] };
  return decodeJson('traces', Buffer.from(JSON.stringify(request))).bytes;
}
