/** The clickhouse exporter on the embedded engine: the suite that it passes on a server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clickhouseSuite } from './clickhouse-suite.ts';

clickhouseSuite('embedded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'weir-clickhouse-'));
  return { connection: `endpoint: chdb://${folder}`, close: () => rm(folder, { recursive: true }) };
});
