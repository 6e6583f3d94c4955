import { Cors, type CorsConfig } from './cors.ts';
import { HttpResponse } from './response.ts';
import type { HttpHandler, HttpRequest } from './types.ts';

type HeaderList = readonly (readonly [string, string])[];

const NO_CONTENT = new HttpResponse(204, []);
const VARY = ['Vary', 'Origin'] as const;
const PREFLIGHT_VARY = ['Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'] as const;

/**
 * A handler for web pages of other origins too: answers preflights itself, with `fixed` headers added, and says in the
 * answers of `handler` who may read them. The handler itself where the section allows no origin.
 */
export function withCors(config: CorsConfig | undefined, fixed: HeaderList, handler: HttpHandler): HttpHandler {
  if (config === undefined || config.allowed_origins.length === 0) return handler;
  const cors = new Cors(config);
  return (request) => {
    const origin = request.header('origin') ?? '';
    const asked = request.header('access-control-request-method') ?? '';
    if (request.method === 'OPTIONS' && asked !== '') {
      request.body.slab?.release();
      const granted = cors.preflight(origin, asked, request.header('access-control-request-headers'));
      request.respond(NO_CONTENT.withHeaders([...fixed, PREFLIGHT_VARY, ...Object.entries(granted)]));
      return;
    }
    addHeaders(request, [VARY, ...Object.entries(cors.headers(origin, request.method) ?? {})]);
    handler(request);
  };
}

function addHeaders(request: HttpRequest, headers: HeaderList): void {
  const respond = request.respond.bind(request);
  request.respond = (response) => respond(response.withHeaders(headers));
}
