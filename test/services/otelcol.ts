import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The release that weir is compared with; otelcol.sh and its manifest name the same. */
const VERSION = 'v0.155.0';
const MANIFEST = fileURLToPath(new URL('./otelcol.yaml', import.meta.url));
const SCRIPT = fileURLToPath(new URL('./otelcol.sh', import.meta.url));

/** The reference collector's binary, where it was built before or WEIR_OTELCOL names it. */
export function otelcolPath(): string | undefined {
  const cache =
    process.env.WEIR_SERVICES ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'weir-services');
  const path = process.env.WEIR_OTELCOL ?? join(cache, `otelcol-${VERSION}-${manifestHash()}`);
  return existsSync(path) ? path : undefined;
}

/** As in otelcol.sh: a binary of another manifest is another file. */
function manifestHash(): string {
  return createHash('sha256').update(readFileSync(MANIFEST)).digest('hex').slice(0, 12);
}

/** As above, built first where it is missing, which takes minutes. */
export function needOtelcol(): string {
  const path = otelcolPath();
  if (path !== undefined) return path;
  const { status, stdout } = spawnSync('bash', [SCRIPT], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error('the reference collector could not be built');
  return stdout.trim();
}
