/** `type[/name]`, the id of a component in a configuration. */
export interface ComponentId {
  readonly type: string;
  readonly name: string;
}

export const COMPONENT_KINDS = ['receiver', 'processor', 'exporter', 'connector', 'extension'] as const;
export type ComponentKind = (typeof COMPONENT_KINDS)[number];

export function formatComponentId(id: ComponentId): string {
  return id.name === '' ? id.type : `${id.type}/${id.name}`;
}

const TYPE = /^[a-zA-Z][0-9a-zA-Z_]{0,62}$/;
const NAME = /^[^\p{Z}\p{C}\p{S}]+$/u;
const MAX_NAME = 1024;

/** Reads an id as the collector does; `{error}` has its words. */
export function parseComponentId(text: string): ComponentId | { readonly error: string } {
  const slash = text.indexOf('/');
  const type = (slash < 0 ? text : text.slice(0, slash)).trim();
  const name = slash < 0 ? '' : text.slice(slash + 1).trim();
  if (type === '') {
    return { error: slash < 0 ? 'id must not be empty' : `in "${text}" id: the part before / should not be empty` };
  }
  if (slash >= 0 && name === '') return { error: `in "${text}" id: the part after / should not be empty` };
  if (!TYPE.test(type)) return { error: `in "${text}" id: invalid character(s) in type "${type}"` };
  if (name !== '' && (!NAME.test(name) || [...name].length > MAX_NAME)) {
    return { error: `in "${text}" id: invalid character(s) in name "${name}"` };
  }
  return { type, name };
}
