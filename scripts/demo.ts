/**
 * Sends what a chat application with tools would: traces of model and MCP tool calls, metrics, events as logs.
 *
 *   npm run demo -- [--seconds 60] [--per-second 20] [--endpoint http://127.0.0.1:4318]
 *
 * Where nothing listens, and no endpoint is given, it runs weir itself for as long: on configs/embedded.yaml, which
 * keeps everything in a store under data/.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { attributes, exportRequest, nanos } from './demo/otlp.ts';
import { isListening, OwnWeir } from './demo/own-weir.ts';
import { chatTurn, type Turn } from './demo/workload.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    'per-second': { type: 'string', default: '20' },
    endpoint: { type: 'string' },
  },
});
const endpoint = values.endpoint ?? 'http://127.0.0.1:4318';
const seconds = Number(values.seconds);
const perSecond = Number(values['per-second']);
const DELTA = 1;
const LATENCY_BOUNDS = [0.5, 1, 2, 4, 8];

const sent = { spans: 0, points: 0, logs: 0 };
const own = values.endpoint === undefined && !(await isListening(endpoint)) ? await OwnWeir.start() : undefined;
const start = Date.now();
try {
  for (let second = 1; second <= seconds; second++) {
    await send(Array.from({ length: perSecond }, () => chatTurn(Math.random)));
    show(`\r${second}/${seconds} s  ${sent.spans} spans  ${sent.points} data points  ${sent.logs} events accepted `);
    await sleep(Math.max(0, start + second * 1000 - Date.now()));
  }
  show('\n');
} catch (error) {
  show('\n');
  const reason = error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : error;
  console.error(`demo: ${endpoint} does not take it: ${reason}\nIs weir running? npm start runs it.`);
  process.exitCode = 1;
} finally {
  await own?.stop();
}

function show(text: string): void {
  process.stdout.write(text);
}

/** What all turns of one second left behind, in the requests that the SDKs of the two services would make. */
async function send(turns: readonly Turn[]): Promise<void> {
  const spans = turns.flatMap((turn) => turn.spans);
  const toolSpans = turns.flatMap((turn) => turn.toolSpans);
  const events = turns.flatMap((turn) => turn.events);
  const metrics = metricsOf(turns);
  await Promise.all([
    post('/v1/traces', exportRequest('chat-app', 'Spans', spans)),
    post('/v1/traces', exportRequest('mcp-tools', 'Spans', toolSpans)),
    post('/v1/metrics', exportRequest('chat-app', 'Metrics', metrics)),
    post('/v1/logs', exportRequest('chat-app', 'Logs', events)),
  ]);
  sent.spans += spans.length + toolSpans.length;
  sent.points += 4;
  sent.logs += events.length;
}

function metricsOf(turns: readonly Turn[]): unknown[] {
  const now = Date.now();
  const times = { startTimeUnixNano: nanos(now - 1000), timeUnixNano: nanos(now) };
  const total = (pick: (turn: Turn) => number) => String(turns.reduce((sum, turn) => sum + pick(turn), 0));
  const tokens = (type: string, asInt: string) => ({
    ...times,
    attributes: attributes({ 'gen_ai.token.type': type }),
    asInt,
  });
  const points = [
    tokens(
      'input',
      total((t) => t.inputTokens),
    ),
    tokens(
      'output',
      total((t) => t.outputTokens),
    ),
  ];
  const failures = [{ ...times, asInt: total((t) => Number(t.failed)) }];
  return [
    {
      name: 'gen_ai.client.tokens',
      unit: '{token}',
      sum: { aggregationTemporality: DELTA, isMonotonic: true, dataPoints: points },
    },
    { name: 'chat.failures', sum: { aggregationTemporality: DELTA, isMonotonic: true, dataPoints: failures } },
    {
      name: 'chat.duration',
      unit: 's',
      histogram: { aggregationTemporality: DELTA, dataPoints: [latency(turns, times)] },
    },
  ];
}

function latency(turns: readonly Turn[], times: object): unknown {
  const counts = [...LATENCY_BOUNDS, Number.POSITIVE_INFINITY].map((bound, i) => {
    const lower = i === 0 ? 0 : LATENCY_BOUNDS[i - 1]!;
    return String(turns.filter((t) => t.seconds > lower && t.seconds <= bound).length);
  });
  const sum = turns.reduce((total, turn) => total + turn.seconds, 0);
  return { ...times, count: String(turns.length), sum, bucketCounts: counts, explicitBounds: LATENCY_BOUNDS };
}

async function post(path: string, request: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${endpoint}${path}`, { method: 'POST', headers, body: JSON.stringify(request) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}
