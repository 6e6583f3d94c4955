import { type Infer, struct } from '../../core/config/fields.ts';

export const config = struct('struct {}', 'The nop exporter has no options.', {});
export type Config = Infer<typeof config>;
