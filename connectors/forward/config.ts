import { type Infer, struct } from '../../core/config/fields.ts';

export const config = struct('forwardconnector.Config', 'The forward connector has no options.', {});
export type Config = Infer<typeof config>;
