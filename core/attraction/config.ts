import { attributeValue } from '../config/attribute-value.ts';
import { type Infer, list, string, struct } from '../config/fields.ts';

const action = struct('attraction.ActionKeyValue', 'One change to a list of attributes.', {
  key: string('The attribute that is changed.'),
  action: string('insert, update, upsert, delete, hash, extract or convert, in any case.'),
  value: attributeValue('The value for insert, update and upsert; its type is kept.'),
  default_value: attributeValue('The value for insert, update and upsert where there is no other.'),
  pattern: string('extract: what the value must match; delete, hash: further keys that are changed. RE2 syntax.'),
  from_attribute: string('insert, update, upsert: the value is copied from this attribute.'),
  from_context: string('insert, update, upsert: a value of the request: client.address, metadata.KEY or auth.KEY.'),
  converted_type: string('convert: string, int or double.'),
});
export type ActionConfig = Infer<typeof action>;

/** A list of actions; what each needs is checked where they are compiled (actions.ts). */
export const actions = (doc: string) => list(doc, action);
