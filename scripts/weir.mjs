#!/usr/bin/env node
// `npx weir …` in this folder: installs what is missing, then runs weir from its sources with the pinned Node.
// Plain JavaScript for any Node from 16 on, as bootstrap.mjs.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { node } from './bootstrap.mjs';

const main = fileURLToPath(new URL('../cmd/weir/main.ts', import.meta.url));
const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
// whoever runs this decides by signals when weir ends
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal === null ? code : 1));
