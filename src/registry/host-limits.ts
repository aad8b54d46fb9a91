/**
 * What is shared by all questions to one host: how many run at a time, and the pause it asked for.
 *
 * After a `Retry-After` nobody asks that host until then; everybody gets the same answer at once.
 * Memory stays bounded however many hosts users name.
 */
import PQueue from 'p-queue';

interface Host {
  readonly queue: PQueue;
  /** Epoch milliseconds until which nothing is asked. */
  pausedUntil: number;
}

const MOST_HOSTS = 1000;

export class HostLimits {
  readonly #hosts = new Map<string, Host>();
  readonly #now: () => number;
  readonly #concurrency: number;

  constructor(now: () => number, concurrency: number) {
    this.#now = now;
    this.#concurrency = concurrency;
  }

  /** Milliseconds left of the host's pause; 0 when it may be asked. */
  pauseOf(authority: string): number {
    return Math.max(0, (this.#hosts.get(authority)?.pausedUntil ?? 0) - this.#now());
  }

  /** Leaves the host alone for `ms`; a longer pause already under way stays. */
  pause(authority: string, ms: number): void {
    const host = this.#host(authority);
    host.pausedUntil = Math.max(host.pausedUntil, this.#now() + ms);
  }

  /** Runs `task` when one of the host's places is free; an abort while waiting rejects with its reason. */
  run<T>(authority: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#host(authority).queue.add(task, signal === undefined ? {} : { signal });
  }

  #host(authority: string): Host {
    const known = this.#hosts.get(authority);
    if (known !== undefined) return known;
    if (this.#hosts.size >= MOST_HOSTS) this.#forgetIdle();
    const host = { queue: new PQueue({ concurrency: this.#concurrency }), pausedUntil: 0 };
    this.#hosts.set(authority, host);
    return host;
  }

  #forgetIdle(): void {
    for (const [authority, { queue, pausedUntil }] of this.#hosts) {
      const busy = queue.size + queue.pending > 0 || pausedUntil > this.#now();
      if (!busy) this.#hosts.delete(authority);
    }
  }
}
