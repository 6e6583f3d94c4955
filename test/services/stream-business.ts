/** Business events for the shipped job, and the matches and alerts that have to come of them. */
import { AGE_MS, END_MS, type Expected, MINUTE, producerFor } from './stream-jobs.ts';

interface Event {
  readonly eventType: string;
  readonly timestamp: number;
  readonly userId: string;
  readonly [field: string]: unknown;
}

const USERS = 40;
const SPREAD = 50_000;

/** Events of users within a minute, some of whom have what the patterns look for, and what has to come of that. */
export class Business {
  readonly #producer;
  /** So that all is in one minute. */
  readonly #begin = Math.floor((Date.now() - AGE_MS) / MINUTE) * MINUTE;
  readonly #events: Event[] = [];
  readonly #matches: Expected[] = [];
  #id = 0;

  constructor(brokers: readonly string[]) {
    this.#producer = producerFor(brokers);
    for (let user = 0; user < USERS; user++) {
      this.#add(user, 0, 'page.view');
      this.#session(user, 1 + (user % 6));
      this.#chain(user, user % 3, user % 5 === 0);
    }
    this.#events.sort((a, b) => a.timestamp - b.timestamp);
  }

  /** In order of time; the second half ends the event time of the patterns. */
  async send(half: 0 | 1): Promise<void> {
    const middle = this.#events.length / 2;
    await this.#send(half === 0 ? this.#events.slice(0, middle) : this.#events.slice(middle));
    if (half === 0) return;
    const end = { eventType: 'end', timestamp: this.#begin + END_MS / 2 };
    await this.#send(Array.from({ length: 6 }, (_, i) => ({ ...end, userId: `#${i}` })));
  }

  /** One more match, minutes later, so that the minute ends for alerts. */
  async later(): Promise<void> {
    const time = END_MS / 2 + MINUTE;
    const user = 'one-more';
    const at = (offset: number) => this.#begin + time + offset;
    const error = { eventType: 'system.error', userId: user };
    const events: Event[] = [{ eventType: 'user.session.start', userId: user, timestamp: at(0) }];
    for (const offset of [1, 2, 3]) events.push({ ...error, timestamp: at(offset) });
    events.push({ eventType: 'end', userId: user, timestamp: at(MINUTE) });
    await this.#send(events);
  }

  matches(): readonly Expected[] {
    return this.#matches;
  }

  covers(time: number): boolean {
    return time >= this.#begin && time < this.#begin + MINUTE;
  }

  alerts(): Expected[] {
    return ['SESSION_ANOMALY', 'LLM_CHAIN_FAILURE'].map((type) => {
      const times = this.#matches.filter((match) => match.type === type).map(({ time }) => Number(time));
      return { type, count: times.length, first: Math.min(...times), last: Math.max(...times) };
    });
  }

  close(): Promise<void> {
    return this.#producer.close();
  }

  /** From the third error on each one completes a match. */
  #session(user: number, errors: number): void {
    this.#add(user, 1_000, 'user.session.start');
    for (let i = 1; i <= errors; i++) {
      const time = this.#add(user, 1_000 + i * 500, 'system.error');
      if (i >= 3) this.#matches.push({ type: 'SESSION_ANOMALY', key: `user-${user}`, time });
    }
  }

  #chain(user: number, calls: number, fails: boolean): void {
    const traceId = (user + 1).toString(16).padStart(32, '0');
    this.#add(user, 10_000, 'llm.request.start', { traceId });
    for (let i = 1; i <= calls; i++) this.#add(user, 10_000 + i * 100, 'mcp.tool.call', { traceId, tool: `tool-${i}` });
    const time = this.#add(user, 11_000, fails ? 'llm.request.failed' : 'llm.request.done', { traceId });
    if (fails) this.#matches.push({ type: 'LLM_CHAIN_FAILURE', key: traceId, time });
  }

  #add(user: number, offset: number, eventType: string, more: object = {}): number {
    const timestamp = this.#begin + Math.floor((user * (SPREAD - 12_000)) / USERS) + offset;
    const ids = { userId: `user-${user}`, sessionId: `session-${user}`, eventId: `event-${this.#id++}` };
    this.#events.push({ eventType, timestamp, ...ids, ...more });
    return timestamp;
  }

  #send(events: readonly Event[]): Promise<unknown> {
    return this.#producer.send(
      events.map((event) => ({
        ...{ topic: 'business-events', key: Buffer.from(event.userId), headers: [] },
        value: Buffer.from(JSON.stringify(event)),
      })),
    );
  }
}
