import { copyFieldsExcept } from '../../core/otlp/edit/copy-fields.ts';
import { Writer } from '../../core/otlp/edit/writer.ts';
import { GROUP, Groups, MEMBER } from '../../core/otlp/readers/groups.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { ID_LENGTH } from '../../core/sampling/trace-id.ts';
import type { Telemetry } from '../../core/telemetry/telemetry.ts';

/** The spans of one trace in one scope group. */
interface Part {
  readonly traceId: string;
  /** Starts and ends of runs of span fields, in turn. */
  readonly runs: number[];
  spans: number;
}

const NO_ID = '\0'.repeat(ID_LENGTH);

/** Cuts batches into resource groups that have one scope and the spans of one trace each, in memory of their own. */
export class TraceSplitter {
  readonly #groups = new Groups();
  readonly #span = new SpanReader();
  readonly #writer = new Writer();
  readonly #parts = new Map<string, Part>();

  /** `visit` gets the id's 16 bytes as a string of as many characters, the encoded group and its number of spans. */
  split(batch: Telemetry, visit: (traceId: string, group: Buffer, spans: number) => void): void {
    const groups = this.#groups.open(batch);
    while (groups.nextResource()) {
      while (groups.nextScope()) {
        this.#readParts(groups);
        for (const part of this.#parts.values()) visit(part.traceId, this.#write(groups, part), part.spans);
      }
    }
  }

  #readParts(groups: Groups): void {
    const { buffer } = groups;
    this.#parts.clear();
    let current: Part | undefined;
    let currentAt = -1;
    while (groups.nextMember()) {
      const { memberField, memberEnd } = groups;
      const { traceIdAt } = this.#span.read(buffer, groups.memberStart, memberEnd);
      // spans of a trace mostly come one after another, and then no string is made for each
      if (current === undefined || !isSame(buffer, currentAt, traceIdAt)) current = this.#partFor(buffer, traceIdAt);
      currentAt = traceIdAt;
      current.spans++;
      const { runs } = current;
      if (runs.at(-1) === memberField) runs[runs.length - 1] = memberEnd;
      else runs.push(memberField, memberEnd);
    }
  }

  #partFor(buffer: Buffer, traceIdAt: number): Part {
    const traceId = traceIdAt < 0 ? NO_ID : buffer.toString('latin1', traceIdAt, traceIdAt + ID_LENGTH);
    const known = this.#parts.get(traceId);
    if (known !== undefined) return known;
    const part: Part = { traceId, runs: [], spans: 0 };
    this.#parts.set(traceId, part);
    return part;
  }

  #write(groups: Groups, { runs }: Part): Buffer {
    const { buffer, groupStart, groupEnd, scopeGroupStart, scopeGroupEnd } = groups;
    const writer = this.#writer;
    writer.clear();
    writer.open(GROUP, groupEnd - groupStart);
    copyFieldsExcept(writer, buffer, groupStart, groupEnd, groups.scopesTag);
    writer.open(groups.scopesTag, scopeGroupEnd - scopeGroupStart);
    copyFieldsExcept(writer, buffer, scopeGroupStart, scopeGroupEnd, MEMBER);
    for (let i = 0; i < runs.length; i += 2) writer.copy(buffer, runs[i] as number, runs[i + 1] as number);
    writer.close();
    writer.close();
    return writer.toBuffer();
  }
}

function isSame(buffer: Buffer, a: number, b: number): boolean {
  if (a < 0 || b < 0) return a === b;
  for (let i = ID_LENGTH - 1; i >= 0; i--) if (buffer[a + i] !== buffer[b + i]) return false;
  return true;
}
