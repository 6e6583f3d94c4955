/** Names of TLS in Go, which configurations have, and in OpenSSL, which Node has. */

/** All of TLS 1.3 are always on, as in Go. */
const TLS13_SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'] as const;

/** The best ones first. */
const SECURE: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
};

const INSECURE: Readonly<Record<string, string>> = {
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
};

/** Insecure ones that the OpenSSL of Node was built without. */
const GONE: readonly string[] = [
  'TLS_RSA_WITH_RC4_128_SHA',
  'TLS_RSA_WITH_3DES_EDE_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_RC4_128_SHA',
  'TLS_ECDHE_RSA_WITH_RC4_128_SHA',
  'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA',
];

const CURVES: Readonly<Record<string, string>> = {
  P256: 'P-256',
  P384: 'P-384',
  P521: 'P-521',
  X25519: 'X25519',
  X25519MLKEM768: 'X25519MLKEM768',
};

/** Why a suite cannot be used; undefined where it can. */
export function suiteFault(name: string, insecureToo: boolean): string | undefined {
  if (SECURE[name] !== undefined || (TLS13_SUITES as readonly string[]).includes(name)) return undefined;
  if (insecureToo && INSECURE[name] !== undefined) return undefined;
  const fault = `invalid TLS cipher suite: ${JSON.stringify(name)}`;
  if (GONE.includes(name)) return `${fault}: not supported, OpenSSL has it no more`;
  return INSECURE[name] === undefined ? fault : `${fault}: insecure, needs include_insecure_cipher_suites`;
}

/** Names that have no fault, for `ciphers` of Node; none means the secure ones. */
export function ciphersOf(names: readonly string[]): string {
  const chosen = names.length === 0 ? Object.keys(SECURE) : names;
  const older = chosen.flatMap((name) => SECURE[name] ?? INSECURE[name] ?? []);
  return [...TLS13_SUITES, ...older].join(':');
}

/** Why a curve cannot be used; undefined where it can. */
export function curveFault(name: string): string | undefined {
  if (CURVES[name] !== undefined) return undefined;
  return `invalid curve type: ${name}. Expected values are [${Object.keys(CURVES).join(' ')}]`;
}

/** Names that have no fault, for `ecdhCurve` of Node. */
export const curvesOf = (names: readonly string[]): string => names.flatMap((name) => CURVES[name] ?? []).join(':');
