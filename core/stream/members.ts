import { Attributes } from '../otlp/readers/attributes.ts';
import { Groups } from '../otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES } from '../otlp/readers/scope.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** Is told what a batch consists of, in its order. */
export interface MemberVisitor {
  /** The members that follow are of a resource with these attributes. */
  resource(attributes: Attributes): void;
  /** A span, log record or metric lies in `buffer[start, end)`. */
  member(buffer: Buffer, start: number, end: number): void;
}

/** Walks batches without making an object. */
export class Members {
  /** Where the walk is. */
  readonly groups = new Groups();
  readonly #visitor: MemberVisitor;
  readonly #resource = new Attributes();

  constructor(visitor: MemberVisitor) {
    this.#visitor = visitor;
  }

  walk(batch: Telemetry): void {
    const visitor = this.#visitor;
    const groups = this.groups.open(batch);
    while (groups.nextResource()) {
      const { buffer, resourceStart, resourceEnd } = groups;
      visitor.resource(this.#resource.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES));
      while (groups.nextScope()) {
        while (groups.nextMember()) visitor.member(groups.buffer, groups.memberStart, groups.memberEnd);
      }
    }
  }
}
