export type HostPort = { readonly host: string; readonly port: string } | { readonly error: string };

/** Splits `host:port`, `[::1]:port`; the faults are those of Go's net.SplitHostPort. The port may be any text. */
export function splitHostPort(address: string): HostPort {
  const fault = (reason: string): HostPort => ({ error: `address ${address}: ${reason}` });
  const colon = address.lastIndexOf(':');
  if (colon < 0) return fault('missing port in address');
  const bracketed = address.startsWith('[');
  const end = bracketed ? address.indexOf(']') : colon;
  if (end < 0) return fault("missing ']' in address");
  if (bracketed && end + 1 !== colon) {
    return fault(address[end + 1] === ':' ? 'too many colons in address' : 'missing port in address');
  }
  const host = address.slice(bracketed ? 1 : 0, end);
  if (!bracketed && host.includes(':')) return fault('too many colons in address');
  if (address.indexOf('[', bracketed ? 1 : 0) >= 0) return fault("unexpected '[' in address");
  if (address.indexOf(']', bracketed ? end + 1 : 0) >= 0) return fault("unexpected ']' in address");
  return { host, port: address.slice(colon + 1) };
}
