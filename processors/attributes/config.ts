import { actions } from '../../core/attraction/config.ts';
import { type Infer, struct } from '../../core/config/fields.ts';
import { matchConfig } from '../../core/match/config.ts';

export const config = struct(
  'attributesprocessor.Config',
  'Which spans, log records and metrics are changed, and how.',
  { actions: actions('What is done to the attributes, in this order. Required.') },
  {
    embed: [matchConfig],
    validate(value, path, report) {
      if (value.actions.length === 0) report(path, 'missing required field "actions"');
    },
  },
);
export type Config = Infer<typeof config>;
