import { Attributes } from '../../otlp/readers/attributes.ts';
import type { Groups } from '../../otlp/readers/groups.ts';
import { RESOURCE_ATTRIBUTES, ScopeReader } from '../../otlp/readers/scope.ts';
import { next, readVarint, skipValue } from '../../otlp/wire.ts';
import type { StringColumn } from '../native/columns.ts';

const SERVICE_NAME = Buffer.from('service.name');
/** The tag of the schema in resource groups and in scope groups. */
const SCHEMA_URL = (3 << 3) | 2;
const DROPPED_ATTRIBUTES = 4 << 3;

/** What rows say of where they come from: the resource and the scope that a walk is in. */
export class Origin {
  readonly scope = new ScopeReader();
  readonly #groups: Groups;
  readonly #attributes = new Attributes();

  constructor(groups: Groups) {
    this.#groups = groups;
  }

  get resource(): Attributes {
    const { buffer, resourceStart, resourceEnd } = this.#groups;
    return this.#attributes.set(buffer, resourceStart, resourceEnd, RESOURCE_ATTRIBUTES);
  }

  /** To be called in each scope before `scope` is asked. */
  readScope(): void {
    const { buffer, scopeStart, scopeEnd } = this.#groups;
    this.scope.read(buffer, scopeStart, scopeEnd);
  }

  appendServiceName(column: StringColumn): void {
    const { resource } = this;
    if (resource.find(SERVICE_NAME)) column.value(resource.buffer, resource.valueStart, resource.valueEnd);
    else column.empty();
  }

  appendScopeName(column: StringColumn): void {
    column.range(this.scope.buffer, this.scope.nameStart, this.scope.nameEnd);
  }

  appendScopeVersion(column: StringColumn): void {
    column.range(this.scope.buffer, this.scope.versionStart, this.scope.versionEnd);
  }

  appendResourceSchema(column: StringColumn): void {
    appendText(column, this.#groups.buffer, this.#groups.groupStart, this.#groups.groupEnd);
  }

  appendScopeSchema(column: StringColumn): void {
    appendText(column, this.#groups.buffer, this.#groups.scopeGroupStart, this.#groups.scopeGroupEnd);
  }

  get droppedScopeAttributes(): number {
    const { buffer, scopeStart, scopeEnd } = this.#groups;
    const at = lastField(buffer, scopeStart, scopeEnd, DROPPED_ATTRIBUTES);
    return at < 0 ? 0 : readVarint(buffer, at);
  }
}

function appendText(column: StringColumn, buffer: Buffer, start: number, end: number): void {
  const at = lastField(buffer, start, end, SCHEMA_URL);
  if (at < 0) column.empty();
  else {
    const length = readVarint(buffer, at);
    column.range(buffer, next, next + length);
  }
}

/** Where the value of a field begins; -1 where it is not there. */
function lastField(buffer: Buffer, start: number, end: number, wanted: number): number {
  let found = -1;
  let position = start;
  while (position < end) {
    const tag = readVarint(buffer, position);
    if (tag === wanted) found = next;
    position = skipValue(buffer, next, tag);
  }
  return found;
}
