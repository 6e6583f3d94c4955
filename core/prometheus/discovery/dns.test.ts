import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { configOf, discovering, discoveryEnvironment, readYaml } from '../../testing/discovery.ts';
import { DnsDiscoverer, dnsSdConfig } from './dns.ts';
import { candidates } from './resolve.ts';

const TYPES = { A: 1, NS: 2, MX: 15, AAAA: 28, SRV: 33 } as const;
const NXDOMAIN = 3;
const SERVFAIL = 2;

/** Data of records by `type name`, or the code of a failure. Names that are not there do not exist. */
type Zone = Record<string, readonly Buffer[] | number>;

const name = (text: string): Buffer => {
  const labels = text.split('.').filter((label) => label !== '');
  return Buffer.concat([...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.of(0)]);
};
const u16 = (...values: readonly number[]): Buffer => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
const a = (...bytes: readonly number[]): Buffer => Buffer.from(bytes);
const mx = (preference: number, host: string): Buffer => Buffer.concat([u16(preference), name(host)]);
const srv = (port: number, host: string): Buffer => Buffer.concat([u16(0, 0, port), name(host)]);

/** RFC 1035 section 4: header, the question as it was asked, the records, each with a pointer to its name. */
function reply(query: Buffer, zone: Zone): Buffer {
  let end = 12;
  const labels: string[] = [];
  for (let length = query[end] ?? 0; length > 0; length = query[end] ?? 0) {
    labels.push(query.subarray(end + 1, end + 1 + length).toString());
    end += 1 + length;
  }
  const type = query.readUInt16BE(end + 1);
  const key = `${Object.entries(TYPES).find(([, code]) => code === type)?.[0]} ${labels.join('.')}`;
  const found = zone[key] ?? NXDOMAIN;
  const records = typeof found === 'number' ? [] : found;
  const header = u16(query.readUInt16BE(0), 0x8180 | (typeof found === 'number' ? found : 0), 1, records.length, 0, 0);
  const answers = records.map((data) => Buffer.concat([u16(0xc00c, type, 1, 0, 30, data.length), data]));
  return Buffer.concat([header, query.subarray(12, end + 5), ...answers]);
}

async function dnsServer(t: TestContext, zone: Zone): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) => socket.send(reply(query, zone), peer.port, peer.address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.after(() => socket.close());
  return `127.0.0.1:${(socket.address() as AddressInfo).port}`;
}

test('records of each type are targets', async (t) => {
  const zone: Zone = {
    'SRV _metrics._tcp.example.com': [srv(9100, 'one.example.com'), srv(9101, 'two.example.com')],
    'A a.example.com': [a(10, 0, 0, 1), a(10, 0, 0, 2)],
    'AAAA a.example.com': [Buffer.from('20010db8000000000000000000000001', 'hex')],
    'MX example.com': [mx(10, 'mail.example.com')],
    'NS example.com': [name('ns.example.com')],
  };
  const servers = [await dnsServer(t, zone)];
  const cases: readonly (readonly [yaml: string, targets: readonly Record<string, string>[]])[] = [
    [
      '{names: [_metrics._tcp.example.com]}',
      [9100, 9101].map((port, i) => ({
        __address__: `${['one', 'two'][i]}.example.com:${port}`,
        __meta_dns_name: '_metrics._tcp.example.com',
        __meta_dns_srv_record_port: String(port),
        __meta_dns_srv_record_target: `${['one', 'two'][i]}.example.com.`,
      })),
    ],
    [
      '{names: [a.example.com], type: a, port: 80}',
      ['10.0.0.1:80', '10.0.0.2:80'].map((__address__) => ({ __address__, __meta_dns_name: 'a.example.com' })),
    ],
    [
      '{names: [a.example.com], type: AAAA, port: 80}',
      [{ __address__: '[2001:db8::1]:80', __meta_dns_name: 'a.example.com' }],
    ],
    [
      '{names: [example.com], type: MX, port: 25}',
      [
        {
          __address__: 'mail.example.com:25',
          __meta_dns_mx_record_target: 'mail.example.com.',
          __meta_dns_name: 'example.com',
        },
      ],
    ],
    [
      '{names: [example.com], type: NS, port: 53}',
      [
        {
          __address__: 'ns.example.com:53',
          __meta_dns_name: 'example.com',
          __meta_dns_ns_record_target: 'ns.example.com.',
        },
      ],
    ],
  ];
  for (const [yaml, targets] of cases) {
    const options = { servers, resolvConf: '/nowhere' };
    const discoverer = new DnsDiscoverer(configOf(dnsSdConfig, yaml), discoveryEnvironment(), options);
    await discovering(discoverer, async (found) => {
      await found.until(({ updates }) => updates > 0);
      assert.deepEqual(found.targets, targets, yaml);
    });
  }
});

test('a name whose server fails keeps its targets, a name that is gone loses them', async (t) => {
  const zone: Zone = { 'A a.test': [a(10, 0, 0, 1)], 'A b.test': [a(10, 0, 0, 2)] };
  const options = { servers: [await dnsServer(t, zone)], resolvConf: '/nowhere' };
  const environment = discoveryEnvironment();
  const config = configOf(dnsSdConfig, '{names: [a.test, b.test], type: A, port: 1, refresh_interval: 50ms}');
  await discovering(new DnsDiscoverer(config, environment, options), async (found) => {
    await found.until(({ addresses }) => addresses.length === 2);
    zone['A a.test'] = SERVFAIL;
    zone['A b.test'] = [a(10, 0, 0, 3)];
    await found.until(({ addresses }) => addresses.join() === '10.0.0.1:1,10.0.0.3:1');
    await found.until(() => environment.logger.messages('error').length > 0);
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal(environment.logger.messages('error').length, 1, 'said once');
    assert.equal(found.addresses.join(), '10.0.0.1:1,10.0.0.3:1');
    zone['A a.test'] = [];
    zone['A b.test'] = NXDOMAIN;
    await found.until(({ addresses }) => addresses.length === 0);
  });
});

test('search domains of the system are tried, and a change of them is seen', async (t) => {
  const zone: Zone = { 'A web.one.test': [a(10, 0, 0, 1)], 'A web.two.test': [a(10, 0, 0, 2)] };
  const resolvConf = join(await mkdtemp(join(tmpdir(), 'weir-dns-')), 'resolv.conf');
  writeFileSync(resolvConf, 'search zero.test one.test\n');
  const options = { servers: [await dnsServer(t, zone)], resolvConf };
  const config = configOf(dnsSdConfig, '{names: [web], type: A, port: 1, refresh_interval: 50ms}');
  await discovering(new DnsDiscoverer(config, discoveryEnvironment(), options), async (found) => {
    await found.until(({ addresses }) => addresses.join() === '10.0.0.1:1');
    writeFileSync(resolvConf, 'search two.test\n');
    await found.until(({ addresses }) => addresses.join() === '10.0.0.2:1');
  });
});

test('the order in which names are tried', () => {
  const domains = ['a.test', 'b.test'];
  assert.deepEqual(candidates('web', { domains, ndots: 1 }), ['web.a.test.', 'web.b.test.', 'web.']);
  assert.deepEqual(candidates('web.x', { domains, ndots: 1 }), ['web.x.', 'web.x.a.test.', 'web.x.b.test.']);
  assert.deepEqual(candidates('web.x', { domains, ndots: 5 }), ['web.x.a.test.', 'web.x.b.test.', 'web.x.']);
  assert.deepEqual(candidates('web.', { domains, ndots: 1 }), ['web.']);
});

test('what Prometheus refuses is refused', () => {
  const faults = (yaml: string) => readYaml(dnsSdConfig, yaml).faults;
  assert.deepEqual(faults('{}'), ['DNS-SD config must contain at least one SRV record name']);
  assert.deepEqual(faults('{names: [a], type: TXT}'), ['invalid DNS-SD records type TXT']);
  assert.deepEqual(faults('{names: [a], type: A}'), [
    'a port is required in DNS-SD configs for all record types except SRV',
  ]);
});
