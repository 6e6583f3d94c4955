#!/usr/bin/env node
// `npx weir …` in this folder: installs what is missing, then runs weir from its sources with the pinned Node.
// Plain JavaScript for any Node from 16 on, as bootstrap.mjs.
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { node } from './bootstrap.mjs';

const main = fileURLToPath(new URL('../cmd/weir/main.ts', import.meta.url));
// main.ts asks for the cache too, but is itself read before that: without this, what strips its types stays in memory
const env = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...process.env };
const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit', env });
// whoever runs this decides by signals when weir ends
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal === null ? code : 1));
