import { type Infer, struct } from '../../core/config/fields.ts';

export const config = struct('nopreceiver.Config', 'Nothing to set.', {});
export type Config = Infer<typeof config>;
