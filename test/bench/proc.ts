import { readdirSync, readFileSync } from 'node:fs';

/** What `getconf CLK_TCK` says on Linux; /proc counts processor time in these. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly cpuSeconds: number;
}

/** User and system time of a process and its descendants. */
export function cpuSeconds(pid: number): number {
  return family(pid).reduce((sum, p) => sum + (stat(p)?.cpuSeconds ?? 0), 0);
}

/** MiB of a process and its descendants: `VmRSS` now, `VmHWM` at the highest. */
export function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const pattern = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm');
  const kiB = family(pid).map((p) => Number(pattern.exec(readProc(p, 'status'))?.[1] ?? 0));
  return kiB.reduce((a, b) => a + b, 0) / 1024;
}

function family(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = all.map((name) => [Number(name), stat(Number(name))?.parent] as const);
  const found = [pid];
  for (const member of found) found.push(...parents.filter(([, parent]) => parent === member).map(([child]) => child));
  return found;
}

function stat(pid: number): Stat | undefined {
  const text = readProc(pid, 'stat');
  // the name in parentheses may contain anything; the fields after it are numbers
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 13) return undefined;
  return { parent: Number(fields[1]), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
}

/** Empty where the process has ended. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
