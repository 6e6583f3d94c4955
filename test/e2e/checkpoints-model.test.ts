/**
 * Checkpoints in Kafka under faults by chance: transactions that fail, are late or are done without an answer,
 * partitions that move without word, deaths, stops, compaction. Whatever happens, results are those of an undisturbed
 * run, each once and in order. WEIR_SEEDS: how many runs; WEIR_SEED: the only one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checkpointed, Checkpoints } from '../../core/checkpoint.ts';
import { readYaml } from '../../core/config/read.ts';
import { PipelineError } from '../../core/error.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { NopHost } from '../../core/testing/nop-host.ts';
import { seededRandom } from '../../core/testing/random-telemetry.ts';
import { testSettings } from '../../core/testing/settings.ts';
import { config as checkpointConfig } from '../../extensions/checkpoint/config.ts';
import { CheckpointExtension } from '../../extensions/checkpoint/extension.ts';
import { config as receiverConfig } from '../../receivers/kafka/config.ts';
import { KafkaReceiver } from '../../receivers/kafka/receiver.ts';
import { ModelKafka, TOPIC } from '../support/kafka-model.ts';

const SEEDS = Number(process.env.WEIR_SEEDS ?? 150);
const FIRST_SEED = Number(process.env.WEIR_SEED ?? 1);
const STEPS = 60;
const PARTITIONS = 2;
const KEYS = 6;
/** A key sends its sum when it has come to so much, and is forgotten. */
const ENOUGH = 10;
/** After the last fault everything has to be right by then. */
const PATIENCE_MS = 200_000;
const CHECKPOINT = 'interval: 300ms\nmin_pause: 50ms\ntimeout: 1s\nexactly_once: { max_message_bytes: 10000 }';

/** What is done with a value: `KEY NUMBER`. The result, where there is one. */
function step(sums: Map<string, number>, value: string): string | undefined {
  const [key = '', number] = value.split(' ');
  const sum = (sums.get(key) ?? 0) + Number(number);
  sums.set(key, sum);
  if (sum < ENOUGH) return undefined;
  sums.delete(key);
  return `${key} ${sum}`;
}

/** A stage whose entries are its keys. */
class Sums implements Checkpointed {
  readonly version = 1;
  readonly #states = new Map<string, { sums: Map<string, number>; changed: Set<string> }>();
  readonly #input: ModelKafka['input'];
  readonly #keeper: Checkpoints;
  readonly #random: () => number;

  constructor(input: ModelKafka['input'], keeper: Checkpoints, random: () => number) {
    this.#input = input;
    this.#keeper = keeper;
    this.#random = random;
  }

  consume(batch: Telemetry): void | Promise<void> {
    const { partition, delivery } = batch.context.stream ?? { partition: '' };
    batch.release();
    const luck = this.#random();
    if (luck < 0.05) throw new PipelineError('not now');
    const value = this.#input[Number(partition.split('/')[1])]?.[Number(delivery?.position)] ?? '';
    if (luck < 0.8) this.#take(partition, value);
    else return Promise.resolve().then(() => this.#take(partition, value));
  }

  partitions(): readonly string[] {
    return [...this.#states.keys()];
  }

  snapshot(partition: string, which: 'all' | 'changed'): ReadonlyMap<string, Buffer | undefined> {
    const { sums, changed } = this.#state(partition);
    const names = which === 'all' ? [...sums.keys()] : [...changed];
    changed.clear();
    const bytesOf = (sum: number | undefined) => (sum === undefined ? undefined : Buffer.from([sum]));
    return new Map(names.map((key) => [key, bytesOf(sums.get(key))]));
  }

  restore(partition: string, entries: ReadonlyMap<string, Buffer>): void {
    assert.equal(this.#states.get(partition), undefined, 'there is no state before');
    const { sums } = this.#state(partition);
    for (const [key, bytes] of entries) sums.set(key, bytes[0] ?? 0);
  }

  forget(partition: string): void {
    this.#states.delete(partition);
  }

  #take(partition: string, value: string): void {
    const { sums, changed } = this.#state(partition);
    const result = step(sums, value);
    changed.add(value.split(' ')[0] ?? '');
    if (result === undefined) return;
    const record = { topic: 'results', key: undefined, value: Buffer.from(`${partition} ${result}`), headers: [] };
    assert.ok(
      this.#keeper.emit(partition, [record], () => 0),
      `${partition} is open`,
    );
  }

  #state(partition: string) {
    const state = this.#states.get(partition) ?? { sums: new Map(), changed: new Set() };
    this.#states.set(partition, state);
    return state;
  }
}

/** A process: real receiver, real extension, real stores; its broker and its clock are the model's. */
class Process {
  readonly clock = new FakeClock();
  readonly pending = new Set<() => void>();
  readonly extension: CheckpointExtension;
  readonly receiver: KafkaReceiver;
  readonly lines: string[] = [];
  readonly #host = new NopHost();
  readonly #stage: Sums;

  constructor(kafka: ModelKafka, random: () => number, initial: string) {
    const clock = this.clock;
    const [own, others] = ['extension', 'receiver'].map((kind) =>
      testSettings({ id: kind === 'extension' ? 'checkpoint' : 'kafka', kind: kind as 'receiver', clock }),
    ) as [ReturnType<typeof testSettings>, ReturnType<typeof testSettings>];
    this.extension = new CheckpointExtension(own, readYaml(checkpointConfig, CHECKPOINT), () => kafka.accessFor(this));
    this.#stage = new Sums(kafka.input, this.extension, random);
    this.#host.extensions.set('checkpoint', this.extension);
    Object.assign(this.#host.overview, { extensions: ['checkpoint'] });
    const yaml = `initial_offset: ${initial}\nlogs: { topics: [${TOPIC}], encoding: text }`;
    const outputs = { for: () => this.#stage, pipelines: new Map() };
    const settings = { ...others, signals: ['logs'] as const };
    this.receiver = new KafkaReceiver(settings, readYaml(receiverConfig, yaml), outputs, async () =>
      kafka.driverFor(this),
    );
    this.log = () => [...own.logger.lines, ...others.logger.lines].map((line) => JSON.stringify(line));
  }

  readonly log: () => string[];

  async start(): Promise<void> {
    this.extension.start(this.#host);
    await this.extension.register({ kind: 'connector', id: 'sums', name: '' }, this.#stage);
    await this.receiver.start(this.#host);
  }

  async stop(): Promise<void> {
    await this.receiver.shutdown();
    await this.extension.shutdown();
  }
}

class Run {
  readonly kafka: ModelKafka;
  readonly processes = new Set<Process>();
  /** Those that ended, too. */
  readonly all: Process[] = [];
  readonly #random: () => number;
  readonly #initial: string;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#initial = seed % 3 === 0 ? 'latest' : 'earliest';
    this.kafka = new ModelKafka(PARTITIONS, this.#random);
  }

  async begin(): Promise<void> {
    await this.#start();
    await this.pass(500);
    // a group that begins at the end has to have a checkpoint before it can go on anywhere
    this.#feed();
    const settled = () => this.kafka.input.every((_, i) => this.kafka.results.some((one) => one.includes(`/${i} `)));
    for (let i = 0; i < 200 && !settled(); i++) {
      this.kafka.deliver();
      await this.pass(100);
    }
    await this.pass(500);
    this.kafka.faults = 0.15;
  }

  async step(): Promise<void> {
    const { kafka } = this;
    const luck = this.#random();
    if (luck < 0.25) this.#feed();
    else if (luck < 0.55) kafka.deliver();
    else if (luck < 0.62) kafka.commit();
    else if (luck < 0.66) kafka.balance(this.#random() < 0.5);
    else if (luck < 0.7) kafka.tell();
    else if (luck < 0.73) kafka.compact();
    else if (luck < 0.77 && this.processes.size < 3) await this.#start();
    else if (luck < 0.82) await this.#end();
    await this.pass(this.#random() * 300);
  }

  /** Without faults, and with a process that hears everything: all results are there, or it stands still. */
  async finish(): Promise<void> {
    this.kafka.faults = 0;
    if (this.processes.size === 0) await this.#start();
    for (let ms = 0; ms < PATIENCE_MS && !this.kafka.drained; ms += 250) {
      this.kafka.tell();
      await this.#round(250);
    }
  }

  async pass(ms: number): Promise<void> {
    for (const { clock } of this.processes) await clock.advanceAsync(ms);
  }

  async #round(ms: number): Promise<void> {
    this.kafka.deliver();
    await this.pass(ms);
    this.kafka.commit();
  }

  #feed(): void {
    for (const values of this.kafka.input) {
      for (let left = 1 + Math.floor(this.#random() * 8); left > 0; left--) {
        values.push(`k${Math.floor(this.#random() * KEYS)} ${1 + Math.floor(this.#random() * 5)}`);
      }
    }
    if (this.kafka.results.length === 0) for (const values of this.kafka.input) values.push('k0 9', 'k0 9');
  }

  async #start(): Promise<void> {
    const process = new Process(this.kafka, this.#random, this.#initial);
    this.processes.add(process);
    this.all.push(process);
    await process.start();
  }

  /** A death, or a stop in order, which takes its time. */
  async #end(): Promise<void> {
    const [process] = this.processes;
    if (process === undefined) return;
    if (this.#random() < 0.6) {
      this.processes.delete(process);
      this.kafka.bury(process);
      return;
    }
    let stopped = false;
    void process.stop().then(() => {
      stopped = true;
    });
    for (let ms = 0; !stopped && ms < PATIENCE_MS; ms += 100) await process.clock.advanceAsync(100);
    assert.ok(stopped, 'a stop ends');
    this.processes.delete(process);
  }
}

test(`${SEEDS} runs with faults: results are those of an undisturbed one`, async (t) => {
  const { WEIR_SEED: only } = process.env;
  let results = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + (only === undefined ? SEEDS : 1); seed++) {
    const run = new Run(seed);
    const told = () => run.all.flatMap((one, i) => one.log().map((line) => `${i} ${line}`)).join('\n');
    try {
      await run.begin();
      for (let i = 0; i < STEPS; i++) await run.step();
      await run.finish();
      assert.ok(run.kafka.drained, 'it stands still');
    } catch (error) {
      throw new Error(`seed ${seed}\n${told()}`, { cause: error });
    }
    for (const [partition, values] of run.kafka.input.entries()) {
      const name = `${TOPIC}/${partition}`;
      const sums = new Map<string, number>();
      const expected = values.flatMap((value) => step(sums, value) ?? []).map((result) => `${name} ${result}`);
      const found = run.kafka.results.filter((result) => result.startsWith(name));
      assert.deepEqual(found, expected, `seed ${seed}\n${told()}`);
      results += found.length;
    }
  }
  t.diagnostic(`${results} results`);
});
