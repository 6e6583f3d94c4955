import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Exporter, Host, Settings } from '../../core/component.ts';
import { compressor } from '../../core/compression/compress.ts';
import { PipelineError } from '../../core/error.ts';
import { exporterWith } from '../../core/exporter-helper/exporter.ts';
import { PartialFailure } from '../../core/exporter-helper/types.ts';
import { encodeJson } from '../../core/otlp/json/encode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { groupByAttribute, pathFor } from './grouping.ts';
import { PlainFile, RotatingFile } from './target.ts';
import { FileWriter } from './writer.ts';

/** Where `flush_interval` is 0, as in the collector. */
const DEFAULT_FLUSH_INTERVAL = 1000;
const DEFAULT_PERMISSIONS = '0755';
/** So many files of this run are known not to be emptied when they are opened again; further ones never are. */
const MAX_KNOWN_PATHS = 10_000;

/** Writes all signals of the exporter into one file, or with `group_by` into one per value of an attribute. */
export function fileExporter(settings: Settings, config: Config): Exporter {
  const files = new Files(settings, config);
  return exporterWith(settings, {}, (batch) => files.push(batch), {
    start: (host) => files.start(host),
    shutdown: () => files.close(),
  });
}

class Files {
  readonly #settings: Settings;
  readonly #config: Config;
  readonly #encode: Encode;
  /** By path, the one used last at the end. Without `group_by` there is one. */
  readonly #writers = new Map<string, Promise<FileWriter>>();
  /** By path: writers that made room for another and are not closed yet. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #knownPaths = new Set<string>();
  #only: FileWriter | undefined;

  constructor(settings: Settings, config: Config) {
    this.#settings = settings;
    this.#config = config;
    this.#encode = encoder(config);
  }

  async start(host: Host): Promise<void> {
    const { encoding } = this.#config;
    if (encoding !== undefined) {
      const found = host.extension(encoding) !== undefined;
      throw new Error(found ? `extension "${encoding}" is not an encoding` : `unknown encoding "${encoding}"`);
    }
    const { group_by: groupBy } = this.#config;
    if (groupBy.enabled && groupBy.max_open_files <= 0) throw new Error('max_open_files must be larger than zero');
    if (!groupBy.enabled) this.#only = await this.#open(this.#config.path, this.#config.create_directory);
  }

  push(batch: Telemetry): void | Promise<void> {
    if (this.#only === undefined) return this.#pushGroups(batch);
    const message = this.#encode(batch);
    const writer = this.#only;
    return message instanceof Promise ? message.then((m) => writer.write(m)) : writer.write(message);
  }

  async close(): Promise<void> {
    await this.#only?.close();
    for (const path of [...this.#writers.keys()]) this.#closeWriter(path);
    await Promise.all(this.#closing.values());
  }

  /** Tries every file; what could not be written is what a retry is about. */
  async #pushGroups(batch: Telemetry): Promise<void> {
    const { resource_attribute: attribute } = this.#config.group_by;
    const { parts, without } = groupByAttribute(batch, attribute);
    if (without > 0) {
      this.#settings.logger.debug(`Resource does not contain ${attribute} attribute, dropping it`, {
        resources: without,
      });
    }
    const failed: Telemetry[] = [];
    const errors: PipelineError[] = [];
    for (const [value, part] of parts) {
      try {
        const message = await this.#encode(part);
        // nothing may come between, or the writer could have made room for another
        const writer = await this.#writerFor(pathFor(this.#config.path, value));
        await writer.write(message);
        part.release();
      } catch (error) {
        failed.push(part);
        errors.push(new PipelineError(error instanceof Error ? error.message : String(error), { cause: error }));
      }
    }
    if (failed.length === 0) return;
    throw new PartialFailure(PipelineError.join(errors).message, Telemetry.join(failed, batch.context));
  }

  #writerFor(path: string): Promise<FileWriter> {
    const known = this.#writers.get(path);
    this.#writers.delete(path);
    const writer = known ?? this.#open(path, true);
    this.#writers.set(path, writer);
    if (known === undefined) {
      writer.catch(() => this.#writers.delete(path));
      const [oldest] = this.#writers.keys();
      if (this.#writers.size > this.#config.group_by.max_open_files && oldest !== undefined) this.#closeWriter(oldest);
    }
    return writer;
  }

  #closeWriter(path: string): void {
    const writer = this.#writers.get(path);
    if (writer === undefined) return;
    this.#writers.delete(path);
    const closed = writer
      .then((open) => open.close())
      .catch((error: unknown) => this.#settings.logger.warn('Failed to close file', { path, error: String(error) }))
      .finally(() => this.#closing.delete(path));
    this.#closing.set(path, closed);
  }

  async #open(path: string, createDirectory: boolean): Promise<FileWriter> {
    const { append, rotation, flush_interval: interval, directory_permissions: permissions } = this.#config;
    if (createDirectory) {
      await mkdir(dirname(path), { recursive: true, mode: Number.parseInt(permissions || DEFAULT_PERMISSIONS, 8) });
    }
    await this.#closing.get(path);
    const { clock, logger } = this.#settings;
    const keep = append || this.#knownPaths.has(path) || this.#knownPaths.size >= MAX_KNOWN_PATHS;
    const target = rotation === undefined ? new PlainFile(path, keep) : new RotatingFile(path, rotation, clock);
    await target.open();
    if (!keep) this.#knownPaths.add(path);
    return new FileWriter(target, clock, interval || DEFAULT_FLUSH_INTERVAL, logger.with({ path }));
  }
}

/** One message of the file, with its framing, in memory of its own. */
type Encode = (batch: Telemetry) => Buffer | Promise<Buffer>;

/** What zstd itself takes where no level is set. */
const DEFAULT_ZSTD_LEVEL = 3;
const NEWLINE = Buffer.from('\n');

/**
 * JSON is a line a batch. Binary messages, and everything compressed, follow their length in four bytes, most
 * significant first.
 */
function encoder(config: Config): Encode {
  const encode = config.format === 'json' ? encodeJson : bytesOf;
  if (config.compression === '') {
    return config.format === 'json'
      ? (batch) => Buffer.concat([encode(batch), NEWLINE])
      : (batch) => framed(encode(batch));
  }
  const compress = compressor(config.compression, config.compression_params.level || DEFAULT_ZSTD_LEVEL);
  return (batch) => {
    const compressed = compress(encode(batch));
    return compressed instanceof Promise ? compressed.then(framed) : framed(compressed);
  };
}

const bytesOf = (batch: Telemetry): Buffer => batch.bytes();

function framed(message: Buffer): Buffer {
  const header = Buffer.allocUnsafe(4);
  header.writeUInt32BE(message.length);
  return Buffer.concat([header, message]);
}
