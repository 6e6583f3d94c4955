// Installs what is missing before `npm start`, `npm test` and the other scripts, so that they work on a fresh clone.
// Plain JavaScript for any Node from 16 on: npm runs it before node_modules (and with it the pinned Node) is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const NEEDED_NODE = 24;
/** There while one process installs: `npm run demo` may be called while `npm start` still does, and waits for it. */
const LOCK = join(root, '.installing');
/** An install takes a minute; a lock of this age belongs to one that was killed. */
const LOCK_MAX_AGE_MS = 600_000;
const LOCK_POLL_MS = 200;

if (!isInstalled()) {
  lock();
  if (!isInstalled()) install();
}
/** The Node that runs weir. */
export const node = pinnedNode();
run([node], ['scripts/generate.ts', '--quick'], 'the component folders have mistakes, see above');

function install() {
  console.error('weir: installing dependencies (npm ci)');
  run(npm(), ['ci', '--no-audit', '--no-fund'], 'npm ci failed; the dependencies are not installed');
}

/** Waits until no other process installs; held until this one exits. */
function lock() {
  for (let waiting = false; ; waiting = true) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      process.on('exit', () => rmSync(LOCK, { force: true }));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isStale()) rmSync(LOCK, { force: true });
    else {
      if (!waiting) console.error('weir: waiting for another process that installs the dependencies');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS);
    }
  }
}

/** Whether the process that made the lock is gone. */
function isStale() {
  try {
    if (Date.now() - statSync(LOCK).mtimeMs > LOCK_MAX_AGE_MS) return true;
    const owner = Number(readFileSync(LOCK, 'utf8'));
    // an empty file: its owner is about to write its id
    if (owner > 0) process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Whether node_modules holds the versions that the lock file asks for. */
function isInstalled() {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const wanted = packagesOf(join(root, 'package-lock.json')) || {};
  return Object.keys(wanted).every((path) => {
    const there = installed[path];
    // an optional package may be for another platform
    if (there === undefined) return path === '' || wanted[path].optional === true;
    return there.version === wanted[path].version;
  });
}

function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

/** The npm that runs this script, or the one in PATH. */
function npm() {
  return process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
}

/** The Node of the dev dependency; where install scripts are off it is missing, and the one in PATH must do. */
function pinnedNode() {
  const pinned = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(pinned)) return pinned;
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= NEEDED_NODE) return process.execPath;
  console.error(
    `weir: needs Node ${NEEDED_NODE}, this is ${process.version}. npm brings it as a package, but its install\n` +
      'script did not run here. Install Node 24, or allow that one script: npm rebuild node --ignore-scripts=false',
  );
  process.exit(1);
}

function run(command, args, complaint) {
  const [program, ...first] = command;
  // npm is a .cmd file on Windows, which only a shell starts
  const shell = process.platform === 'win32' && program === 'npm';
  const result = spawnSync(program, [...first, ...args], { cwd: root, stdio: 'inherit', shell });
  if (result.status === 0) return;
  console.error(`weir: ${complaint}`);
  process.exit(1);
}
