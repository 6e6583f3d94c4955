import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// Before anything else is loaded: parsing our own sources is most of the time a short command takes.
enableCompileCache();
const { cli } = await import('./cli.ts');

/**
 * Batches lie outside the JavaScript heap, so little of it is young; V8 would let the space for young objects grow to
 * 48 MiB all the same. Measured under load: 13 MiB less resident memory, no difference in CPU time.
 */
setFlagsFromString('--semi-space-growth-factor=1');

/** The only place that ends the process: what is left open then is given up. */
process.exit(
  await cli(
    process.argv.slice(2),
    {
      env: process.env,
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
      write: (bytes) =>
        new Promise((resolve, reject) => {
          // `weir query … | head` closes the pipe, which is an event besides; without a listener it ends the process
          if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {});
          process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
        }),
    },
    async (load, { watch, drainTimeoutMs }, sources) => {
      const [{ run }, { filesOf }, { BUILD }] = await Promise.all([
        import('../../service/run.ts'),
        import('../../service/config/providers.ts'),
        import('./build-info.ts'),
      ]);
      return run({ build: BUILD, load, drainTimeoutMs, ...(watch ? { watch: () => filesOf(sources) } : {}) });
    },
  ),
);
