import { gzipSync } from 'node:zlib';
import { AdminServer, content, NOT_FOUND } from '../../core/http-admin/server.ts';
import { TEXT_CONTENT_TYPE } from '../../core/prometheus/text.ts';
import { renderPage } from './page.ts';
import type { Registry } from './registry.ts';
import type { PrometheusReaderSettings } from './types.ts';

/** Serves `/metrics`. Fails with a sentence that names the address where the port is taken. */
export async function startPrometheusReader(
  registry: Registry,
  resource: Readonly<Record<string, string>>,
  settings: PrometheusReaderSettings,
): Promise<AdminServer> {
  const { host, port } = settings;
  const endpoint = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
  try {
    return await AdminServer.start({ endpoint }, (request, { path }) => {
      if (path !== '/metrics') return NOT_FOUND;
      const page = renderPage(registry, resource, settings);
      const vary = ['Vary', 'Accept-Encoding'] as const;
      if (!/\bgzip\b/.test(request.header('accept-encoding') ?? '')) {
        return content(200, TEXT_CONTENT_TYPE, page, [vary]);
      }
      return content(200, TEXT_CONTENT_TYPE, gzipSync(page), [vary, ['Content-Encoding', 'gzip']]);
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`binding address ${endpoint} for Prometheus exporter: ${reason}`, { cause: error });
  }
}
