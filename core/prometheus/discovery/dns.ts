import { type Infer, int, list, struct } from '../../config/fields.ts';
import { prometheusDuration, text } from '../fields.ts';
import { hostPort } from './host-port.ts';
import { RefreshDiscoverer } from './refresh.ts';
import { type DnsRecord, type RecordType, type ResolverOptions, resolveRecords } from './resolve.ts';
import type { Discoverer, DiscoveryEnvironment, TargetGroup } from './target-group.ts';

const TYPES: readonly string[] = ['A', 'AAAA', 'MX', 'NS', 'SRV'] satisfies RecordType[];

export const dnsSdConfig = struct(
  'dns.SDConfig',
  'Targets that are records of the domain name system.',
  {
    names: list('Names to look up.', text('A name.')),
    type: text('Type of the records: SRV, A, AAAA, MX or NS.', 'SRV'),
    port: int('Port of the targets; SRV records have their own.', 0, 'int'),
    refresh_interval: prometheusDuration('Time between two look-ups.', '30s'),
  },
  {
    validate(value, path, report) {
      const type = value.type.toUpperCase();
      if (value.names.length === 0) report(path, 'DNS-SD config must contain at least one SRV record name');
      if (!TYPES.includes(type)) report(path, `invalid DNS-SD records type ${value.type}`);
      else if (type !== 'SRV' && value.port === 0) {
        report(path, 'a port is required in DNS-SD configs for all record types except SRV');
      }
      if (value.refresh_interval <= 0) report(path, 'refresh_interval must be greater than 0');
    },
  },
);
export type DnsSdConfig = Infer<typeof dnsSdConfig>;

/** Looks names up; each is a source. A name whose servers fail keeps its targets. */
export class DnsDiscoverer implements Discoverer {
  readonly #config: DnsSdConfig;
  readonly #environment: DiscoveryEnvironment;
  readonly #options: ResolverOptions;
  readonly #refresher: RefreshDiscoverer;
  readonly #faults = new Map<string, string>();

  constructor(config: DnsSdConfig, environment: DiscoveryEnvironment, options: ResolverOptions = {}) {
    this.#config = config;
    this.#environment = environment;
    this.#options = options;
    const refresh = (abort: AbortSignal): Promise<TargetGroup[]> => this.#refresh(abort);
    this.#refresher = new RefreshDiscoverer({ fields: {}, intervalMs: config.refresh_interval, refresh }, environment);
  }

  run(update: (groups: readonly TargetGroup[]) => void): void {
    this.#refresher.run(update);
  }

  close(): Promise<void> {
    return this.#refresher.close();
  }

  async #refresh(abort: AbortSignal): Promise<TargetGroup[]> {
    const groups = await Promise.all(this.#config.names.map((name) => this.#lookUp(name, abort)));
    return groups.filter((group) => group !== undefined);
  }

  async #lookUp(name: string, abort: AbortSignal): Promise<TargetGroup | undefined> {
    const { logger } = this.#environment;
    const type = this.#config.type.toUpperCase() as RecordType;
    try {
      const records = await resolveRecords(name, type, { ...this.#options, abort });
      if (this.#faults.delete(name)) logger.info('The name can be resolved again', { name });
      const targets = records.map((record) => targetOf(name, type, record, this.#config.port));
      return { source: name, targets, labels: new Map() };
    } catch (error) {
      const { message } = error as Error;
      if (!abort.aborted && this.#faults.get(name) !== message) {
        logger.error('Error refreshing DNS targets, those found before stay', { name, error });
      }
      this.#faults.set(name, message);
      return undefined;
    }
  }
}

function targetOf(name: string, type: RecordType, { value, port }: DnsRecord, ownPort: number) {
  const host = type === 'A' || type === 'AAAA' ? value : value.replace(/\.+$/, '');
  const target = new Map([
    ['__address__', hostPort(host, port ?? ownPort)],
    ['__meta_dns_name', name],
  ]);
  if (type === 'SRV') target.set('__meta_dns_srv_record_target', value);
  if (port !== undefined) target.set('__meta_dns_srv_record_port', String(port));
  if (type === 'MX') target.set('__meta_dns_mx_record_target', value);
  if (type === 'NS') target.set('__meta_dns_ns_record_target', value);
  return target;
}
