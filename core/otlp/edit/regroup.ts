import { GROUP, MEMBER } from '../readers/groups.ts';
import { next, readVarint, skipValue } from '../wire.ts';
import { Writer } from './writer.ts';

/** A span, metric or log record of a batch, and where it was: a walk with `Groups` gives all of it. */
export interface Member {
  /** The resource group, one object for all members of it. */
  readonly group: Place;
  /** The scope group, likewise. */
  readonly scope: Place;
  readonly scopesTag: number;
  /** The field, its tag included. */
  readonly start: number;
  readonly end: number;
}

export interface Place {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

const writer = new Writer();

/**
 * The members with their scopes and resources, in pooled memory with one reference. Neighbours of one group share it;
 * fields nobody knows go with each copy. There has to be a member.
 */
export function regroup(members: readonly Member[]): ReturnType<Writer['finish']> {
  let group: Place | undefined;
  let scope: Place | undefined;
  for (const member of members) {
    if (member.scope !== scope && scope !== undefined) writer.close();
    if (member.group !== group) {
      if (group !== undefined) writer.close();
      writer.open(GROUP, member.group.end - member.group.start);
      copyOthers(member.group, member.scopesTag);
    }
    if (member.scope !== scope) {
      writer.open(member.scopesTag, member.scope.end - member.scope.start);
      copyOthers(member.scope, MEMBER);
    }
    ({ group, scope } = member);
    writer.copy(member.group.buffer, member.start, member.end);
  }
  writer.close();
  writer.close();
  return writer.finish();
}

/** The fields of a message but those with a tag. */
function copyOthers({ buffer, start, end }: Place, left: number): void {
  for (let position = start; position < end; ) {
    const field = position;
    const tag = readVarint(buffer, position);
    position = skipValue(buffer, next, tag);
    if (tag !== left) writer.copy(buffer, field, position);
  }
}
