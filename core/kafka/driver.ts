import type { KafkaDriver } from './client.ts';

export const DRIVERS = ['platformatic', 'kafkajs'] as const;
export type DriverName = (typeof DRIVERS)[number];

/** The clients are loaded when a component starts: tens of megabytes that a process without Kafka does not have. */
export async function loadDriver(name: DriverName): Promise<KafkaDriver> {
  if (name === 'kafkajs') return (await import('./kafkajs.ts')).kafkajsDriver;
  return (await import('./platformatic.ts')).platformaticDriver;
}
