import type { ServerResponse } from 'node:http';
import type { Extension, Host, Settings } from '../../core/component.ts';
import { AdminServer, send, sendNotFound } from '../../core/http-admin/server.ts';
import type { Config } from './config.ts';
import { type Link, page } from './html.ts';
import {
  contributions,
  extensionsPage,
  featuresPage,
  type Page,
  type PageContext,
  pipelinesPage,
  renderContribution,
  servicePage,
  tracesPage,
  variables,
} from './pages.ts';
import { StatusLog } from './status-log.ts';

const PREFIX = '/debug/';

/** By path after `/debug/`, in the order of the links. */
const PAGES = new Map<string, (context: PageContext, query: URLSearchParams) => Page>([
  ['servicez', servicePage],
  ['pipelinez', (context, query) => pipelinesPage(context, query.get('pipelinename'))],
  ['extensionz', extensionsPage],
  ['featurez', featuresPage],
  ['tracez', tracesPage],
]);

/** Serves the pages; the start page is the service's. */
export class ZPages implements Extension {
  readonly #settings: Settings;
  readonly #config: Config;
  #server: AdminServer | undefined;
  #statuses: StatusLog | undefined;

  constructor(settings: Settings, config: Config) {
    this.#settings = settings;
    this.#config = config;
  }

  async start(host: Host): Promise<void> {
    const { logger, clock } = this.#settings;
    const { endpoint } = this.#config;
    const statuses = new StatusLog(host, clock);
    this.#statuses = statuses;
    this.#server = await AdminServer.start(
      this.#config,
      (_request, response, { path, query }) => this.#answer({ host, clock, statuses }, path, query, response),
      { host, clock, logger },
    );
    logger.info('Starting zPages extension', { endpoint });
  }

  async shutdown(): Promise<void> {
    await this.#server?.close();
    this.#statuses?.close();
  }

  /** The port it listens on, for tests that ask for any free one. */
  get port(): number {
    return this.#server?.port ?? 0;
  }

  #answer(context: PageContext, path: string, query: URLSearchParams, response: ServerResponse): void {
    if (path === '/' || path === '/debug' || path === PREFIX) {
      response.writeHead(302, { location: `${PREFIX}servicez` }).end();
      return;
    }
    const name = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : '';
    if (name === 'expvarz' && this.#config.expvar.enabled) {
      const json = JSON.stringify(variables(context.host.overview), undefined, 1);
      send(response, 200, 'application/json; charset=utf-8', json);
      return;
    }
    const sections = contributions(context);
    const own = sections.filter((one) => one.section.page === name);
    const known = PAGES.get(name)?.(context, query);
    if (known === undefined && own.length === 0) {
      sendNotFound(response);
      return;
    }
    const { title, body } = known ?? { title: name, body: undefined };
    const links = [...new Set([...PAGES.keys(), ...sections.map((one) => one.section.page)])].map(linkTo);
    if (this.#config.expvar.enabled) links.push(linkTo('expvarz'));
    // pages are for people who want to see what is so now
    response.setHeader('cache-control', 'no-store');
    send(response, 200, 'text/html; charset=utf-8', page(title, links, [body, own.map(renderContribution)]));
  }
}

function linkTo(name: string): Link {
  return { href: `${PREFIX}${name}`, text: name };
}
