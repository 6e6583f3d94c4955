import net from 'node:net';
import type * as tls from 'node:tls';
import { builtin } from '../builtin.ts';

/** Takes bytes as they arrive; `bytes[0, length)` is only valid until the call returns. Must not throw. */
export interface ByteSink {
  receive(bytes: Buffer, length: number): void;
}

/** Large enough for several requests in one read. */
const READ_BUFFER_SIZE = 256 << 10;

/**
 * One buffer for all sockets of the process: a sink has used its bytes before the next read can start. Saves an
 * allocation of 64 KiB for each read.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(READ_BUFFER_SIZE);

function onread(sink: ByteSink): net.OnReadOpts {
  return {
    buffer: READ_BUFFER,
    callback(length: number, bytes: Uint8Array): boolean {
      sink.receive(bytes as Buffer, length);
      return true;
    },
  };
}

/** Connects with TCP, a Unix socket or TLS and reads into the shared buffer. */
export function connectShared(
  target: net.NetConnectOpts,
  secure: tls.ConnectionOptions | undefined,
  sink: ByteSink,
): net.Socket {
  const socket =
    secure === undefined
      ? net.connect({ ...target, noDelay: true, onread: onread(sink) } as net.NetConnectOpts)
      : // TLS has no `onread` in its types, and its records are copied when they are decrypted anyway
        builtin.tls.connect({
          ...(target as tls.ConnectionOptions),
          ...secure,
          noDelay: true,
        } as tls.ConnectionOptions);
  if (secure !== undefined) socket.on('data', (bytes: Buffer) => sink.receive(bytes, bytes.length));
  else socket.resume();
  return socket;
}

/**
 * Connects as `net.connect` does for whoever listens to `data`, such as Node's own HTTP client: what listeners get is
 * only valid until they return.
 */
export function connectEmitting(target: net.NetConnectOpts): net.Socket {
  const receive = (bytes: Buffer, length: number): void => void socket.emit('data', bytes.subarray(0, length));
  const socket = net.connect({ ...target, onread: onread({ receive }) } as net.NetConnectOpts);
  return socket;
}

/**
 * Makes an accepted socket read into the shared buffer, and returns the socket to use from here on. The server must
 * have `pauseOnConnect: true`, so that nothing has been read yet.
 *
 * Node has `onread` for sockets it connects, not for those it accepts. So the handle of the accepted socket moves to a
 * new one; this is the only place that touches a private field, and where the field is not as expected (TLS, a later
 * Node), the socket reads into buffers of its own.
 */
export function acceptShared(accepted: net.Socket, sink: ByteSink): net.Socket {
  const holder = accepted as unknown as { _handle?: { readStart?: unknown; useUserBuffer?: unknown } | null };
  const handle = holder._handle;
  if (
    (accepted as Partial<tls.TLSSocket>).encrypted === true ||
    typeof handle?.useUserBuffer !== 'function' ||
    typeof handle.readStart !== 'function'
  ) {
    accepted.on('data', (bytes: Buffer) => sink.receive(bytes, bytes.length));
    return accepted.resume();
  }
  holder._handle = null;
  const socket = new net.Socket({
    handle,
    allowHalfOpen: accepted.allowHalfOpen,
    onread: onread(sink),
  } as net.SocketConstructorOpts);
  // the server counts the socket it accepted, so that one has to close too
  socket.once('close', () => accepted.destroy());
  return socket.resume();
}
