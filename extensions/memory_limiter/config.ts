import { type MemoryLimits, memoryLimits } from '../../core/memory-limiter/config.ts';

export const config = memoryLimits;
export type Config = MemoryLimits;
