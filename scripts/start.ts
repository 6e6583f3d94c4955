/**
 * What `npm start` runs: weir in this process on configs/default.yaml, and, once it is healthy, where to send and
 * what to open. Arguments go to weir; with a --config of your own the default is left out, and so is the text.
 */
const HEALTH = 'http://127.0.0.1:13133/';
/** Long enough for a machine under load; the text is only a courtesy, so nothing fails when it is missed. */
const PATIENCE_MS = 20_000;

const WELCOME = `
  weir is running.

  Send OTLP to       127.0.0.1:4317 (gRPC)   http://127.0.0.1:4318 (HTTP)
                     npm run demo   in a second terminal sends a sample workload
  Received data      data/telemetry.jsonl, one OTLP/JSON document a line
  Own metrics        http://127.0.0.1:8888/metrics
  Health             ${HEALTH}
  Pipelines          http://127.0.0.1:55679/debug/pipelinez

  Stop with Ctrl-C; what was accepted is written first.
`;

const own = process.argv.slice(2);
const isDefault = !own.some((argument) => argument.startsWith('--config'));
if (isDefault) {
  own.unshift('--config', 'configs/default.yaml');
  void welcome();
}
process.argv = [process.argv[0]!, new URL('../cmd/weir/main.ts', import.meta.url).pathname, ...own];
await import('../cmd/weir/main.ts');

async function welcome(): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100).unref());
    try {
      if ((await fetch(HEALTH)).ok) return console.log(WELCOME);
    } catch {
      // not listening yet
    }
  }
}
