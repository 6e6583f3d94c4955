/** A running process takes over a new configuration: what it has accepted arrives, a broken one changes nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Lab, postSpans, spanNames } from '../support/lab.ts';
import { freePort } from '../support/ports.ts';

interface Ports {
  readonly http: number;
  readonly page: number;
}

const freePorts = async (): Promise<Ports> => ({ http: await freePort(), page: await freePort() });

/** Spans go through a batch processor into `file`. */
function config({ http, page }: Ports, lab: Lab, file: string, exporter = 'file'): string {
  const reader = `{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: ${page} } } } }`;
  return `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${http}" } } } }
processors: { batch: { timeout: 20ms } }
exporters: { ${exporter}: { path: "${lab.path(file)}", append: true } }
service:
  telemetry: { metrics: { readers: [${reader}] } }
  pipelines: { traces: { receivers: [otlp], processors: [batch], exporters: [${exporter}] } }`;
}

const metricsAt = async (port: number) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

/** Sends until the span was accepted, as a client does that retries. */
async function sendOne(port: number, name: string): Promise<void> {
  for (;;) {
    const status = await postSpans(port, [name]).catch(() => 0);
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('SIGHUP under load loses nothing; the series of what is gone leave the page, the others go on', async () => {
  await using lab = new Lab();
  const ports = await freePorts();
  const weir = await lab.run(config(ports, lab, 'first.json')).listening(ports.http, ports.page);
  const sent: string[] = [];
  let done = false;
  const senders = Array.from({ length: 4 }, async (_, sender) => {
    for (let i = 0; !done; i++) {
      await sendOne(ports.http, `${sender}-${i}`);
      sent.push(`${sender}-${i}`);
    }
  });
  const enough = sent.length + 200;
  await weir.until('some spans', () => sent.length > enough);
  assert.match(await metricsAt(ports.page), /otelcol_exporter_sent_spans\{.*exporter="file"/);
  lab.write('config-0.yaml', config(ports, lab, 'second.json', 'file/second'));
  weir.process.kill('SIGHUP');
  await weir.until('the new exporter', async () => (await metricsAt(ports.page)).includes('exporter="file/second"'));
  const later = sent.length + 200;
  await weir.until('more spans', () => sent.length > later);
  done = true;
  await Promise.all(senders);
  const page = await metricsAt(ports.page);
  assert.doesNotMatch(page, /exporter="file"/);
  const accepted = /otelcol_receiver_accepted_spans\{.*receiver="otlp".*\} (\d+)/.exec(page)?.[1];
  assert.equal(Number(accepted), sent.length);
  assert.equal(await weir.stop(), 0, weir.output);
  const arrived = [...lab.documents('first.json'), ...lab.documents('second.json')];
  assert.ok(lab.count('first.json') > 0 && lab.count('second.json') > 0);
  assert.deepEqual([...new Set(spanNames(arrived))], sent.sort());
});

test('--watch takes over a changed file, keeps going with a broken one and takes over the next good one', async () => {
  await using lab = new Lab();
  const ports = await freePorts();
  const weir = await lab.run(config(ports, lab, 'first.json'), undefined, ['--watch']).listening(ports.http);
  await sendOne(ports.http, 'a');
  const seen = (text: string) => weir.output.split(text).length - 1;
  lab.write('config-0.yaml', config(ports, lab, 'second.json', 'file/second'));
  await weir.until('the reload', () => seen('Everything is ready') === 2);
  await sendOne(ports.http, 'b');
  lab.write('config-0.yaml', 'receivers: { otlp: { protocol: } }\n');
  await weir.until('the refusal', () => weir.output.includes('the old one keeps running'));
  assert.match(weir.output, /otlpreceiver\.Config' has invalid keys: protocol/);
  await sendOne(ports.http, 'c');
  // a configuration that can be read but not started: its port is taken by our own page
  lab.write('config-0.yaml', config({ ...ports, http: ports.page }, lab, 'third.json'));
  await weir.until('the way back', () => weir.output.includes('going back to the old one'));
  await sendOne(ports.http, 'd');
  lab.write('config-0.yaml', config(ports, lab, 'third.json'));
  await weir.until(
    'the reload',
    () => seen('Config updated, restart service') === 3 && seen('Everything is ready') === 4,
  );
  await sendOne(ports.http, 'e');
  assert.equal(await weir.stop(), 0, weir.output);
  const files = ['first.json', 'second.json', 'third.json'];
  assert.deepEqual(
    files.map((file) => spanNames(lab.documents(file)).join()),
    ['a', 'b,c,d', 'e'],
  );
});

test('--drain-timeout ends a shutdown that waits for an answer which does not come', async (t) => {
  await using lab = new Lab();
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  await once(silent, 'listening');
  const port = await freePort();
  const yaml = `
receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { otlp_http: { endpoint: "http://127.0.0.1:${(silent.address() as AddressInfo).port}" } }
service: { telemetry: { metrics: { level: none } }, pipelines: { traces: { receivers: [otlp], exporters: [otlp_http] } } }`;
  const weir = await lab.run(yaml, undefined, ['--drain-timeout', '200ms']).listening(port);
  const asked = once(silent, 'request');
  await sendOne(port, 'stuck');
  await asked;
  assert.equal(await weir.stop(), 1, weir.output);
  assert.match(weir.output, /Shutdown was cut short, data may be lost.*took over 200 ms.*exporter otlp_http/);
});
