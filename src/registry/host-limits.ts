/**
 * What is shared by all questions to one host: how many run at a time, and the pause it asked for or needs.
 *
 * After a `Retry-After` nobody asks that host until then, and after a long silence for a few seconds; everybody gets
 * the same answer at once. So one host that hangs does not hold up those who also ask others.
 * Memory stays bounded however many hosts users name.
 */
import PQueue from 'p-queue';

interface Host {
  readonly queue: PQueue;
  /** Epoch milliseconds until which nothing is asked. */
  pausedUntil: number;
  /** What everybody is told until then. */
  words: string;
  /** Epoch milliseconds. */
  lastAnswer: number;
}

const MOST_HOSTS = 1000;
/** Failures that took less are no silence. */
const SILENCE_MS = 1000;
const PAUSE_AFTER_SILENCE_MS = 5000;

export class HostLimits {
  readonly #hosts = new Map<string, Host>();
  readonly #now: () => number;
  readonly #concurrency: number;

  constructor(now: () => number, concurrency: number) {
    this.#now = now;
    this.#concurrency = concurrency;
  }

  /** What is left of the host's pause; undefined when it may be asked. */
  pauseOf(authority: string): { readonly ms: number; readonly words: string } | undefined {
    const host = this.#hosts.get(authority);
    const ms = (host?.pausedUntil ?? 0) - this.#now();
    if (host === undefined || ms <= 0) return undefined;
    return { ms, words: host.words || `asked us to wait ${Math.ceil(ms / 1000)} s` };
  }

  /** Leaves the host alone for as long as it asked for; a longer pause already under way stays. */
  pause(authority: string, ms: number, words = ''): void {
    const host = this.#host(authority);
    const until = this.#now() + ms;
    if (until > host.pausedUntil) Object.assign(host, { pausedUntil: until, words });
  }

  answered(authority: string): void {
    this.#host(authority).lastAnswer = this.#now();
  }

  /** A question asked at `since` failed: a host that told nobody anything meanwhile is left alone for a while. */
  failed(authority: string, since: number, words: string): void {
    const silent = this.#host(authority).lastAnswer < since && this.#now() - since >= SILENCE_MS;
    if (silent) this.pause(authority, PAUSE_AFTER_SILENCE_MS, words);
  }

  /** Runs `task` when one of the host's places is free; an abort while waiting rejects with its reason. */
  run<T>(authority: string, task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#host(authority).queue.add(task, signal === undefined ? {} : { signal });
  }

  #host(authority: string): Host {
    const known = this.#hosts.get(authority);
    if (known !== undefined) return known;
    if (this.#hosts.size >= MOST_HOSTS) this.#forgetIdle();
    const host = {
      queue: new PQueue({ concurrency: this.#concurrency }),
      pausedUntil: 0,
      words: '',
      lastAnswer: 0,
    };
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
