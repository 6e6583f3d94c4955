/** The other end of an accepted connection. */
export interface Peer {
  /** IP address; empty for a Unix socket. */
  readonly address: string;
  readonly port: number;
}
