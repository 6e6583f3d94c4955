import { Service } from './service.ts';

const POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;

/** An alert as GET /api/v2/alerts has it. */
export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly status: { readonly state: string };
}

/** A real Alertmanager. */
export class Alertmanager implements AsyncDisposable {
  readonly service: Service;

  private constructor(service: Service) {
    this.service = service;
  }

  static async start(): Promise<Alertmanager> {
    const made = new Alertmanager(await Service.start('alertmanager'));
    await made.#ready();
    return made;
  }

  get url(): string {
    return `http://${this.service.address}`;
  }

  /** What fires now. */
  async alerts(): Promise<PostedAlert[]> {
    const answer = await fetch(`${this.url}/api/v2/alerts`);
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return (await answer.json()) as PostedAlert[];
  }

  async restart(): Promise<void> {
    await this.service.restart();
    await this.#ready();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.service[Symbol.asyncDispose]();
  }

  async #ready(): Promise<void> {
    const end = performance.now() + READY_TIMEOUT_MS;
    while (!(await fetch(`${this.url}/-/ready`)).ok) {
      if (performance.now() > end) throw new Error('Alertmanager is not ready');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
