import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Passwords } from './htpasswd.ts';
import { SlowChecks } from './slow-checks.ts';

/** Clients that are known at a time. Each takes some 150 bytes. */
const MAX_ACCEPTED = 10_000;
/** A client with a wrong password sends it again and again; more of them than this are an attack. */
const MAX_REFUSED = 1000;

/** Checks passwords; what a slow hash said is kept, so that a client pays for it once. */
export class PasswordChecker {
  readonly #passwords: Passwords;
  readonly #slow: SlowChecks;
  /** Where an answer is kept must not tell the password, nor be guessed. */
  readonly #key = randomBytes(32);
  readonly #accepted = new Recent(MAX_ACCEPTED);
  readonly #refused = new Recent(MAX_REFUSED);
  readonly #pending = new Map<string, Promise<boolean>>();

  constructor(passwords: Passwords, clock: Clock) {
    this.#passwords = passwords;
    this.#slow = new SlowChecks(clock);
  }

  /** `user` has one byte a character. Rejects with a PipelineError where it cannot be found out now. */
  check(user: string, password: Buffer): boolean | Promise<boolean> {
    const stored = this.#passwords.get(user);
    if (stored === undefined) return false;
    if (stored.matches !== undefined) return stored.matches(password);
    const secret = Buffer.concat([this.#key, Buffer.from(`${user}\0`, 'latin1'), password]);
    const key = hash('sha256', secret, 'base64');
    if (this.#accepted.has(key)) return true;
    if (this.#refused.has(key)) return false;
    const pending = this.#pending.get(key) ?? this.#ask(key, stored.encoded, password);
    this.#pending.set(key, pending);
    return pending;
  }

  close(): void {
    this.#slow.close();
  }

  async #ask(key: string, encoded: string, password: Buffer): Promise<boolean> {
    try {
      const matches = await this.#slow.matches(encoded, password);
      (matches ? this.#accepted : this.#refused).add(key);
      return matches;
    } finally {
      this.#pending.delete(key);
    }
  }
}

/** The keys last used, at most so many. */
class Recent {
  readonly #keys = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  has(key: string): boolean {
    if (!this.#keys.delete(key)) return false;
    this.#keys.add(key);
    return true;
  }

  add(key: string): void {
    this.#keys.add(key);
    if (this.#keys.size <= this.#max) return;
    const [oldest] = this.#keys;
    this.#keys.delete(oldest as string);
  }
}
