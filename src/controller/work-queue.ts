/**
 * A queue of keys, not of events.
 *
 * A key waits at most once. Added again while its work runs, it runs once more afterwards: no change is
 * lost, and no object is worked on twice at a time. Work that fails comes back after a pause that doubles
 * from one second to five minutes.
 */
import PQueue from 'p-queue';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5 * 60_000;

export interface WorkQueueOptions {
  /** How many keys are worked on at a time. */
  readonly concurrency: number;
  /** Told of each failure; the queue itself brings the key back. */
  readonly onError?: (key: string, error: unknown, againInMs: number) => void;
}

export class WorkQueue {
  readonly #work: (key: string) => Promise<void>;
  readonly #options: WorkQueueOptions;
  readonly #lanes: PQueue;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  /** Keys added while they ran. */
  readonly #dirty = new Set<string>();
  readonly #timers = new Map<string, { readonly at: number; readonly timer: NodeJS.Timeout }>();
  readonly #failures = new Map<string, number>();
  #stopped = false;

  constructor(work: (key: string) => Promise<void>, options: WorkQueueOptions) {
    this.#work = work;
    this.#options = options;
    this.#lanes = new PQueue({ concurrency: options.concurrency });
  }

  /** Keys that wait for a lane. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Has `key` worked on as soon as a lane is free. */
  add(key: string): void {
    if (this.#stopped) return;
    if (this.#running.has(key)) this.#dirty.add(key);
    else if (!this.#waiting.has(key)) {
      this.#waiting.add(key);
      void this.#lanes.add(() => this.#run(key));
    }
  }

  /** Adds `key` after a while, unless something adds it before; of several times the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    const at = performance.now() + delayMs;
    const known = this.#timers.get(key);
    if (known && known.at <= at) return;
    clearTimeout(known?.timer);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, delayMs);
    this.#timers.set(key, { at, timer });
  }

  /** Forgets a key that no longer means anything. */
  forget(key: string): void {
    clearTimeout(this.#timers.get(key)?.timer);
    this.#timers.delete(key);
    this.#failures.delete(key);
  }

  /** Takes nothing more and resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#lanes.clear();
    await this.#lanes.onIdle();
  }

  /** Resolves once nothing waits and nothing runs; timers do not count. */
  idle(): Promise<void> {
    return this.#lanes.onIdle();
  }

  async #run(key: string): Promise<void> {
    this.#waiting.delete(key);
    this.#running.add(key);
    // The work about to be done makes an earlier wish to look again void; it will make its own.
    clearTimeout(this.#timers.get(key)?.timer);
    this.#timers.delete(key);
    try {
      await this.#work(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 20));
      this.#options.onError?.(key, error, pause);
      this.addAfter(key, pause);
    } finally {
      this.#running.delete(key);
      if (this.#dirty.delete(key)) this.add(key);
    }
  }
}
