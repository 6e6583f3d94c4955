import type { Extension, Host, Settings } from '../../core/component.ts';
import { HttpResponse } from '../../core/http/response.ts';
import { AdminServer, content, NOT_FOUND } from '../../core/http-admin/server.ts';
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
      (_request, { path, query }) => this.#answer({ host, clock, statuses }, path, query),
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

  #answer(context: PageContext, path: string, query: URLSearchParams): HttpResponse {
    if (path === '/' || path === '/debug' || path === PREFIX) {
      return new HttpResponse(302, [['Location', `${PREFIX}servicez`]]);
    }
    const name = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : '';
    if (name === 'expvarz' && this.#config.expvar.enabled) {
      const json = JSON.stringify(variables(context.host.overview), undefined, 1);
      return content(200, 'application/json; charset=utf-8', json);
    }
    const sections = contributions(context);
    const own = sections.filter((one) => one.section.page === name);
    const known = PAGES.get(name)?.(context, query);
    if (known === undefined && own.length === 0) return NOT_FOUND;
    const { title, body } = known ?? { title: name, body: undefined };
    const links = [...new Set([...PAGES.keys(), ...sections.map((one) => one.section.page)])].map(linkTo);
    if (this.#config.expvar.enabled) links.push(linkTo('expvarz'));
    // pages are for people who want to see what is so now
    const html = page(title, links, [body, own.map(renderContribution)]);
    return content(200, 'text/html; charset=utf-8', html, [['Cache-Control', 'no-store']]);
  }
}

function linkTo(name: string): Link {
  return { href: `${PREFIX}${name}`, text: name };
}
