import type { Agent } from 'node:http';

/** Ends an agent's connections: the idle ones now, each of the others with its request. */
export function retireAgent(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
