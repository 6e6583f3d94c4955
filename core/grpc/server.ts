import type { AddressInfo } from 'node:net';
import type { GrpcServerOptions } from './types.ts';

/** A gRPC server for unary calls. */
export class GrpcServer {
  constructor(_options: GrpcServerOptions) {}

  /** Resolves when connections are accepted, with the bound address (the path for a Unix socket). */
  async listen(): Promise<AddressInfo | string> {
    throw new Error('not there yet');
  }

  /** Refuses new calls (GOAWAY), waits for those in flight at most `graceMs`, then ends what is left. Repeatable. */
  async close(_graceMs: number): Promise<void> {}
}
