/** What web pages of other origins are told by weir and by the real collector, header by header. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import { Lab } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';
import { needOtelcol } from './otelcol.ts';

const QUIET = 'telemetry: { logs: { level: error }, metrics: { level: none } }';
const SPAN = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}';

const SECTIONS: Readonly<Record<string, string>> = {
  'one origin': 'allowed_origins: ["https://app.test"]',
  wildcards: 'allowed_origins: ["https://*.app.test", "http://localhost:*", "https://a*b*c.test"], max_age: 600',
  any: 'allowed_origins: ["*"], max_age: -1',
  headers: 'allowed_origins: ["https://app.test"], allowed_headers: ["X-Own", "authorization"], max_age: 7200',
  'any header': 'allowed_origins: ["https://app.test"], allowed_headers: ["*"]',
  exposed: 'allowed_origins: ["https://app.test"], exposed_headers: ["retry-after", "X-OTHER"]',
  'no origin': 'allowed_headers: ["x-own"]',
};

const ORIGINS = [
  undefined,
  'https://app.test',
  'HTTPS://APP.test',
  'https://sub.app.test',
  'https://a.b.app.test',
  'https://app.test.evil.test',
  'https://evil.test/.app.test',
  'http://localhost:3000',
  'http://localhost:',
  'https://aXbYc.test',
  'https://aXb*c.test',
  'http://app.test',
  'null',
];
const METHODS = ['POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'post', ''];
/** In lower case and sorted, as the Fetch standard has it; weir takes them in any order. */
const HEADERS = [
  undefined,
  'content-type',
  'x-own',
  'authorization, x-own',
  'authorization,content-type',
  'accept,x-requested-with',
  'x-own,,content-type',
  ' content-type',
  '',
  'evil',
];

interface Sent {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

function requests(): Sent[] {
  const sent: Sent[] = [];
  for (const origin of ORIGINS) {
    const from: Record<string, string> = origin === undefined ? {} : { origin };
    for (const method of METHODS) {
      const preflight = { ...from, 'access-control-request-method': method };
      sent.push({ method: 'OPTIONS', headers: preflight });
    }
    for (const names of HEADERS) {
      const asked: Record<string, string> = names === undefined ? {} : { 'access-control-request-headers': names };
      sent.push({ method: 'OPTIONS', headers: { ...from, 'access-control-request-method': 'POST', ...asked } });
    }
    for (const method of ['POST', 'GET', 'PUT', 'OPTIONS']) {
      sent.push({ method, headers: { ...from, 'content-type': 'application/json' } });
    }
  }
  return sent;
}

async function told(port: number, { method, headers }: Sent, authorization: Record<string, string>): Promise<unknown> {
  const outgoing = request({ port, host: '127.0.0.1', path: '/v1/traces', method, agent: false });
  for (const [name, value] of Object.entries({ ...headers, ...authorization })) outgoing.setHeader(name, value);
  outgoing.end(method === 'POST' ? SPAN : '');
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  answer.resume();
  return { status: answer.statusCode, ...pick(answer.headers) };
}

function pick(headers: IncomingHttpHeaders): Record<string, unknown> {
  const names = Object.keys(headers).filter((name) => name === 'vary' || name.startsWith('access-control-'));
  return Object.fromEntries(names.sort().map((name) => [name, headers[name]]));
}

const ids = Object.keys(SECTIONS);
const BASIC = `Basic ${Buffer.from('a:b').toString('base64')}`;

function configuration(ports: readonly number[], guarded: number): string {
  const protocols = (port: number, more: string) =>
    `{ protocols: { http: { endpoint: "127.0.0.1:${port}", response_headers: { X-Own: own }, ${more} } } }`;
  const receivers = ids.map((id, i) => `  otlp/${i}: ${protocols(ports[i] ?? 0, `cors: { ${SECTIONS[id]} }`)}`);
  const auth = 'auth: { authenticator: basicauth }';
  return `
extensions: { basicauth: { htpasswd: { inline: "a:b" } } }
receivers:
${receivers.join('\n')}
  otlp/auth: ${protocols(guarded, `cors: { ${SECTIONS['one origin']} }, ${auth}`)}
exporters: { nop: }
service:
  extensions: [basicauth]
  ${QUIET}
  pipelines: { traces: { receivers: [${ids.map((_, i) => `otlp/${i}`).join(', ')}, otlp/auth], exporters: [nop] } }`;
}

test('the same answers as the collector', async (t) => {
  await using lab = new Lab();
  const both = await Promise.all(
    [undefined, [needOtelcol()]].map(async (command) => {
      const ports = await Promise.all(ids.map(freePort));
      const guarded = await freePort();
      await lab.run(configuration(ports, guarded), command).listening(...ports, guarded);
      return { ports, guarded };
    }),
  );
  const [ours, theirs] = both as [(typeof both)[0], (typeof both)[0]];
  const all = requests();
  const compare = async (our: number, their: number, authorization: Record<string, string>) => {
    for (const sent of all) {
      const answers = [await told(our, sent, authorization), await told(their, sent, authorization)];
      assert.deepEqual(answers[0], answers[1], JSON.stringify({ ...sent, ...authorization }));
    }
  };
  for (const [i, id] of ids.entries()) {
    await t.test(id, () => compare(ours.ports[i] ?? 0, theirs.ports[i] ?? 0, {}));
  }
  await t.test('without a password', () => compare(ours.guarded, theirs.guarded, {}));
  await t.test('with a password', () => compare(ours.guarded, theirs.guarded, { authorization: BASIC }));
});
