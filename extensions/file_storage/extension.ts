import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Timer } from '../../core/clock.ts';
import type { Extension, Settings } from '../../core/component.ts';
import { parseComponentId } from '../../core/component-id.ts';
import { lockFolder } from '../../core/folder-lock.ts';
import type { Labels, MetricDefinition } from '../../core/meter.ts';
import type { Files } from '../../core/segment-log/segment.ts';
import { SegmentLog } from '../../core/segment-log/segment-log.ts';
import type { StorageExtension, StorageOwner } from '../../core/storage.ts';
import { FileClient } from './client.ts';
import { type Config, directories } from './config.ts';

/** Large enough that 10 GB are a few hundred open files, small enough to be read and moved as a whole. */
const SEGMENT_SIZE = 32 << 20;
/** With `max_size` there are at least so many segments, so that giving back one of them helps. */
const MIN_SEGMENTS = 8;
const MIB = 1 << 20;
/** Names of folders; anything else is replaced. */
const UNSAFE = /[^a-zA-Z0-9._-]/gu;
const MAX_NAME = 255;
const SUFFIX = '.segments';

const DAMAGED: MetricDefinition = {
  name: 'otelcol_file_storage_damaged_records',
  description: 'Number of stored values that could not be read any more.',
  unit: '{record}',
};
const SIZE: MetricDefinition = {
  name: 'otelcol_file_storage_size',
  description: 'Size of the files.',
  unit: 'By',
};

/** A folder of segments for each component that keeps something. */
export class FileStorage implements Extension, StorageExtension {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #files: Files;
  readonly #clients = new Set<FileClient>();

  constructor(settings: Settings, config: Config, files: Files = fs) {
    this.#settings = settings;
    this.#config = config;
    this.#files = files;
  }

  async start(): Promise<void> {
    if (!this.#config.create_directory) return;
    const mode = Number.parseInt(this.#config.directory_permissions, 8);
    for (const directory of directories(this.#config)) await this.#files.mkdir(directory, { recursive: true, mode });
  }

  async shutdown(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()));
  }

  async client(owner: StorageOwner): Promise<FileClient> {
    const name = folderName(owner);
    const folder = join(this.#config.directory, name);
    await this.#files.mkdir(folder, { recursive: true, mode: 0o700 });
    await this.#warnOfOtherFormat(folder.slice(0, -SUFFIX.length));
    const unlock = await lockFolder(folder, this.#config.timeout, this.#settings.clock);
    try {
      return await this.#open(folder, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  async #open(folder: string, unlock: () => void): Promise<FileClient> {
    const { fsync, max_size: maxSize, compaction } = this.#config;
    const segmentSize = maxSize === 0 ? SEGMENT_SIZE : Math.min(SEGMENT_SIZE, Math.ceil(maxSize / MIN_SEGMENTS));
    const log = new SegmentLog(folder, segmentSize, fsync, this.#files);
    const labels: Labels = { extension: this.#settings.name, folder: basename(folder) };
    const damaged = this.#settings.meter.counter(DAMAGED, labels);
    damaged.add(await this.#recover(log, folder));
    const watched: (() => void)[] = [];
    const client: FileClient = new FileClient(this.#settings, log, {
      folder,
      segmentSize,
      maxSize,
      maxMoved: compaction.max_transaction_size,
      onDamage: () => {
        damaged.add(1);
        this.#settings.logger.error('A stored value is damaged and was passed over', { folder });
      },
      onClose: () => {
        for (const end of watched) end();
        this.#clients.delete(client);
        unlock();
      },
    });
    this.#clients.add(client);
    watched.push(this.#settings.meter.observe(SIZE, labels, 'gauge', () => client.size));
    if (compaction.on_start) client.compact();
    if (compaction.on_rebound) {
      const timer = this.#watchRebound(client);
      watched.push(() => timer.cancel());
    }
    return client;
  }

  /** Reads what is there and says what of it could not be read. */
  async #recover(log: SegmentLog, folder: string): Promise<number> {
    const { damaged, torn, unreadable } = await log.recover();
    const { logger } = this.#settings;
    if (damaged > 0 || unreadable.length > 0) {
      const files = unreadable.length === 0 ? {} : { unreadable_files: unreadable };
      logger.error('Stored values are damaged and were passed over', { folder, damaged, ...files });
    }
    if (torn > 0) logger.info('Passed over what was being written when the process ended', { folder });
    return damaged + unreadable.length;
  }

  /** Where there was much and little is left, what is left is written anew. */
  #watchRebound(client: FileClient): Timer {
    const { compaction } = this.#config;
    const needed = compaction.rebound_needed_threshold_mib * MIB;
    const trigger = compaction.rebound_trigger_threshold_mib * MIB;
    return this.#settings.clock.every(compaction.check_interval, () => {
      if (client.size > needed && client.live < trigger) client.compact();
    });
  }

  /** The Go collector has a bbolt file in the place of our folder. */
  async #warnOfOtherFormat(file: string): Promise<void> {
    try {
      await (await this.#files.open(file, 'r')).close();
    } catch {
      return;
    }
    this.#settings.logger.warn('A file of the Go collector is not read; what it kept stays there', { file });
  }
}

/** As the collector names its files, and the suffix. */
function folderName({ kind, id, name }: StorageOwner): string {
  const parsed = parseComponentId(id);
  const [type, own] = 'error' in parsed ? [id, ''] : [parsed.type, parsed.name];
  const raw = [kind, type, own, ...(name === '' ? [] : [name])].join('_');
  const safe = raw.replace(UNSAFE, (c) => `~${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`);
  if (safe.length + SUFFIX.length <= MAX_NAME) return safe + SUFFIX;
  return createHash('sha256').update(safe).digest('hex') + SUFFIX;
}
