import { bool, type Infer, optional, string, stringList, struct } from '../../core/config/fields.ts';
import { matchConfig } from '../../core/match/config.ts';

const toAttributes = struct('spanprocessor.ToAttributes', 'Makes attributes of parts of the name.', {
  rules: stringList(
    'Patterns (RE2). Each named group of one that matches becomes an attribute, and {GROUP} in the name. In order.',
  ),
  break_after_match: bool('Whether no further rule is tried after one that matched.'),
  keep_original_name: bool('Whether the name stays as it was.'),
});

const name = struct('spanprocessor.Name', 'The name made of attributes, then attributes made of the name.', {
  from_attributes: stringList('Attributes whose values are the new name; where one is missing, the name stays.'),
  separator: string('Put between those values.'),
  to_attributes: optional(toAttributes, { present: false, enabledKey: false, whenNull: 'off' }),
});

const status = struct('spanprocessor.Status', 'The status all spans get.', {
  code: string('Ok, Error or Unset.'),
  description: string('A message; for Error only.'),
});

export const config = struct(
  'spanprocessor.Config',
  'Which spans are changed, and how. One of name and status is required.',
  { name, status: optional(status, { present: false, enabledKey: false, whenNull: 'off' }) },
  { embed: [matchConfig] },
);
export type Config = Infer<typeof config>;
export type NameConfig = Config['name'];
