import { type Attributes, attributes, hexId, type LogRecord, nanos, type Span } from './otlp.ts';

/** What one request of a chat application leaves behind. */
export interface Turn {
  /** Of the application. */
  readonly spans: readonly Span[];
  /** Of the MCP server that ran the tools. */
  readonly toolSpans: readonly Span[];
  readonly events: readonly LogRecord[];
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly seconds: number;
  readonly failed: boolean;
}

const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;
const MODELS = ['gpt-4o', 'claude-sonnet-4', 'llama-3.3-70b'];
const TOOLS = ['search_docs', 'get_weather', 'run_sql', 'create_ticket'];
const FAILURE_RATE = 0.05;

/** One user request: the model is asked, tools are called over MCP, the model answers. Times end about now. */
export function chatTurn(random: () => number): Turn {
  return new TurnBuilder(random).build();
}

class TurnBuilder {
  readonly #random: () => number;
  readonly #traceId = hexId(16);
  readonly #rootId = hexId(8);
  readonly #start: number;
  readonly #user: string;
  readonly #session: string;
  readonly #spans: Span[] = [];
  readonly #toolSpans: Span[] = [];
  readonly #events: LogRecord[] = [];
  #now: number;
  #inputTokens = 0;
  #outputTokens = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.#start = Date.now() - 3000;
    this.#now = this.#start;
    this.#user = `user-${this.#below(50)}`;
    this.#session = `session-${this.#below(200)}`;
  }

  build(): Turn {
    const model = this.#pick(MODELS);
    const failed = this.#random() < FAILURE_RATE;
    this.#event('user.message', this.#rootId, 'INFO', {});
    this.#chat(model, false);
    for (let i = this.#below(3); i > 0; i--) this.#tool(this.#pick(TOOLS));
    this.#chat(model, failed);
    const seconds = (this.#now - this.#start) / 1000;
    this.#spans.push(
      this.#span('POST /chat', SERVER, this.#rootId, undefined, this.#start, failed ? 'model timed out' : undefined, {
        'http.request.method': 'POST',
        'http.route': '/chat',
        'http.response.status_code': failed ? 504 : 200,
      }),
    );
    return {
      spans: this.#spans,
      toolSpans: this.#toolSpans,
      events: this.#events,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      seconds,
      failed,
    };
  }

  /** A model call, named and described as the semantic conventions for generative AI have it. */
  #chat(model: string, failed: boolean): void {
    const start = this.#now;
    const id = hexId(8);
    const input = 200 + this.#below(3000);
    const output = failed ? 0 : 20 + this.#below(800);
    this.#inputTokens += input;
    this.#outputTokens += output;
    this.#event('llm.request.start', id, 'INFO', { 'gen_ai.request.model': model });
    this.#now += 200 + this.#below(900);
    this.#spans.push(
      this.#span(`chat ${model}`, CLIENT, id, this.#rootId, start, failed ? 'deadline exceeded' : undefined, {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': model,
        'gen_ai.request.temperature': 0.2,
        'gen_ai.usage.input_tokens': input,
        'gen_ai.usage.output_tokens': output,
      }),
    );
    if (failed) this.#event('llm.request.failed', id, 'ERROR', { 'error.type': 'timeout' });
  }

  /** A tool call: the application's client span, in it the server span of the MCP server. */
  #tool(tool: string): void {
    const start = this.#now;
    const client = hexId(8);
    const call = { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': tool, 'mcp.session.id': this.#session };
    this.#event('mcp.tool.call', client, 'INFO', { 'gen_ai.tool.name': tool });
    this.#now += 5;
    const serverStart = this.#now;
    this.#now += 10 + this.#below(300);
    this.#toolSpans.push(this.#span(`tools/call ${tool}`, SERVER, hexId(8), client, serverStart, undefined, call));
    this.#now += 5;
    this.#spans.push(
      this.#span(`tools/call ${tool}`, CLIENT, client, this.#rootId, start, undefined, call),
      this.#span('render result', INTERNAL, hexId(8), this.#rootId, this.#now - 2, undefined, { tool }),
    );
  }

  #span(
    name: string,
    kind: number,
    spanId: string,
    parentSpanId: string | undefined,
    start: number,
    error: string | undefined,
    values: Attributes,
  ): Span {
    return {
      traceId: this.#traceId,
      spanId,
      ...(parentSpanId !== undefined && { parentSpanId }),
      name,
      kind,
      startTimeUnixNano: nanos(start),
      endTimeUnixNano: nanos(this.#now),
      attributes: attributes({ ...values, 'user.id': this.#user, 'session.id': this.#session }),
      status: error === undefined ? {} : { code: ERROR, message: error },
    };
  }

  #event(name: string, spanId: string, severityText: 'INFO' | 'ERROR', values: Attributes): void {
    this.#events.push({
      timeUnixNano: nanos(this.#now),
      severityNumber: severityText === 'INFO' ? 9 : 17,
      severityText,
      eventName: name,
      body: { stringValue: name },
      attributes: attributes({ ...values, 'user.id': this.#user, 'session.id': this.#session }),
      traceId: this.#traceId,
      spanId,
    });
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick(list: readonly string[]): string {
    return list[this.#below(list.length)]!;
  }
}
