import { actions } from '../../core/attraction/config.ts';
import { type Infer, struct } from '../../core/config/fields.ts';

export const config = struct(
  'resourceprocessor.Config',
  'How the attributes of resources are changed.',
  { attributes: actions('What is done to the attributes, in this order. Required.') },
  {
    validate(value, path, report) {
      if (value.attributes.length === 0) report(path, 'missing required field "attributes"');
    },
  },
);
export type Config = Infer<typeof config>;
