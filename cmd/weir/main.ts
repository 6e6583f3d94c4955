import { run } from '../../service/run.ts';
import { BUILD } from './build-info.ts';
import { cli } from './cli.ts';

/** The only place that ends the process: what is left open then is given up. */
process.exit(
  await cli(
    process.argv.slice(2),
    {
      env: process.env,
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
    },
    (load, args) => run({ build: BUILD, load, drainTimeoutMs: 10_000 }),
  ),
);
