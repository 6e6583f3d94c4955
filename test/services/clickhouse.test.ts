/** The clickhouse exporter on the real engine behind HTTP. */

import { ClickHouseServer } from './clickhouse.ts';
import { clickhouseSuite } from './clickhouse-suite.ts';

clickhouseSuite('over HTTP', async () => {
  const server = await ClickHouseServer.start({ user: 'weir', password: 'p@ss' });
  return {
    connection: `endpoint: ${server.url}\nusername: weir\npassword: p@ss`,
    close: () => server[Symbol.asyncDispose](),
  };
});
