import { type Infer, stringList, struct } from '../../core/config/fields.ts';

export const config = struct('groupbyattrsprocessor.Config', 'What items are grouped by.', {
  keys: stringList('Attributes of items that are moved to their resource. Without any, equal resources are joined.'),
});
export type Config = Infer<typeof config>;
