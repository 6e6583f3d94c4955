import type { BuildInfo } from '../component.ts';

const ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
const SYSTEM: Readonly<Record<string, string>> = { win32: 'windows' };

/** `weir/1.0.0 (linux/amd64)`: how exporters introduce themselves. */
export function userAgent(build: BuildInfo): string {
  const system = SYSTEM[process.platform] ?? process.platform;
  return `${build.description}/${build.version} (${system}/${ARCHITECTURE[process.arch] ?? process.arch})`;
}
