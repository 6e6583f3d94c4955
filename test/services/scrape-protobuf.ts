import { Output } from '../../core/prometheus/output.ts';
import type { Random } from '../differential/random.ts';
import type { Page } from './scrape-pages.ts';

const TYPES = { counter: 0, gauge: 1, summary: 2, untyped: 3, histogram: 4, gaugehistogram: 5 } as const;
type Type = keyof typeof TYPES;
const NAMES = ['a', 'requests', 'http_x', 'foo_total', 'bar_bucket', 'dots.in.name', 'q'];

interface ProtobufFamily {
  readonly name: string;
  readonly type: Type;
  readonly unit: string;
  readonly labels: readonly (readonly (readonly [string, string])[])[];
  readonly isNative: boolean;
}

/** Random pages of one target in the protobuf format, native histograms among them. */
export class ProtobufMaker {
  readonly #random: Random;
  readonly #families: readonly ProtobufFamily[];

  constructor(random: Random) {
    this.#random = random;
    this.#families = random.some(NAMES, 1, 5).map((name) => ({
      name,
      type: random.pick(Object.keys(TYPES) as Type[]),
      unit: random.chance(0.2) ? 'seconds' : '',
      labels: random.list(1, 3, () =>
        random.some(
          [
            ['code', '200'],
            ['path', '/ü'],
            ['zone', 'x'],
            ['empty', ''],
          ],
          0,
          2,
        ),
      ),
      isNative: random.chance(0.7),
    })) as readonly ProtobufFamily[];
  }

  page(): Page {
    const contentType = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';
    const shown = this.#families.filter(() => this.#random.chance(0.85));
    const body = Buffer.concat(shown.map((family) => this.#family(family)));
    // now and then the page breaks off
    return { contentType, body: this.#random.chance(0.03) ? body.subarray(0, body.length - 3) : body };
  }

  #family({ name, type, unit, labels, isNative }: ProtobufFamily): Buffer {
    const out = new Output();
    out.text(1, name);
    out.text(2, 'what it means');
    out.uint(3, BigInt(TYPES[type]));
    for (const own of labels) {
      if (this.#random.chance(0.1)) continue;
      out.message(4, () => {
        for (const [key, value] of own) {
          out.message(1, () => {
            out.text(1, key);
            out.text(2, value);
          });
        }
        this.#value(out, type, isNative);
        if (this.#random.chance(0.05)) out.uint(6, 1_700_000_123_456n);
      });
    }
    if (unit !== '') out.text(5, unit);
    const body = out.writer.toBuffer();
    out.raw(BigInt(body.length));
    return Buffer.concat([out.writer.toBuffer(), body]);
  }

  #value(out: Output, type: Type, isNative: boolean): void {
    const random = this.#random;
    const value = random.pick([0, 1, -2.5, Infinity, 1e300, 123456]);
    if (type === 'counter') {
      out.message(3, () => {
        out.double(1, value);
        if (random.chance(0.3)) this.#exemplar(out, 2);
      });
    } else if (type === 'gauge') out.message(2, () => out.double(1, value));
    else if (type === 'untyped') out.message(5, () => out.double(1, value));
    else if (type === 'summary') {
      out.message(4, () => {
        out.uint(1, BigInt(random.below(1000)));
        out.double(2, value);
        for (const quantile of random.some([0, 0.5, 0.99, 1], 0, 3)) {
          out.message(3, () => {
            out.double(1, quantile);
            out.double(2, value);
          });
        }
      });
    } else out.message(7, () => this.#histogram(out, isNative));
  }

  #histogram(out: Output, isNative: boolean): void {
    const random = this.#random;
    out.uint(1, BigInt(random.below(1000)));
    out.double(2, 12.5);
    if (!isNative || random.chance(0.5)) {
      for (const [i, bound] of [0.5, 1, 10, ...(random.chance(0.5) ? [Infinity] : [])].entries()) {
        out.message(3, () => {
          out.uint(1, BigInt(i * 3));
          out.double(2, bound);
          // of native histograms the collector loses those of buckets after the first metric of a family
          if (!isNative && random.chance(0.3)) this.#exemplar(out, 3);
        });
      }
    }
    if (!isNative) return;
    out.uint(5, zigzag(random.below(13) - 4));
    const threshold = random.pick([0, 1e-128, 0.25]);
    out.double(6, threshold);
    if (random.chance(0.5)) out.uint(7, BigInt(random.below(9)));
    // without a span or threshold it is a classic one, and so are in the collector all of the family that follow
    this.#buckets(out, 9, 10, threshold === 0 ? 1 : 0);
    this.#buckets(out, 12, 13, 0);
    if (random.chance(0.3)) this.#exemplar(out, 16);
  }

  /** Spans and the differences between counts. */
  #buckets(out: Output, spanField: number, deltaField: number, least: number): void {
    const random = this.#random;
    let before = 0;
    const spans = random.list(least, 3, () => ({ offset: random.below(7), length: random.below(4) }));
    const deltas: bigint[] = [];
    for (const [i, { offset, length }] of spans.entries()) {
      out.message(spanField, () => {
        out.uint(1, zigzag(i === 0 ? offset - 3 : offset));
        out.uint(2, BigInt(length));
      });
      for (let bucket = 0; bucket < length; bucket++) {
        const count = random.pick([0, 1, 5, 300]);
        deltas.push(zigzag(count - before));
        before = count;
      }
    }
    if (deltas.length > 0) {
      out.message(deltaField, () => {
        for (const delta of deltas) out.raw(delta);
      });
    }
  }

  #exemplar(out: Output, field: number): void {
    out.message(field, () => {
      out.message(1, () => {
        out.text(1, 'trace_id');
        out.text(2, '4bf92f3577b34da6a3ce929d0e0e4736');
      });
      out.double(2, 0.75);
      if (this.#random.chance(0.6)) {
        out.message(3, () => {
          out.uint(1, 1_700_000_100n);
          out.uint(2, 250_000_000n);
        });
      }
    });
  }
}

const zigzag = (value: number): bigint => BigInt(value < 0 ? -2 * value - 1 : 2 * value);
