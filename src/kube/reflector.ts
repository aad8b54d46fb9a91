/**
 * A copy of one kind of objects, kept true by list and watch.
 *
 * It runs until told to stop, whatever the server or the network does: what it cannot repair by watching on from the
 * version it has, it repairs by listing again, and a new list tells of everything that came, changed or vanished
 * meanwhile. Objects are raw JSON of the same shape from list and watch, without managedFields.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { keyOf } from '../api/names.ts';
import type { Log } from '../log.ts';
import type { Connection } from './connection.ts';
import { errorOfStatus, KubeError, kubeErrorOf } from './errors.ts';
import { linesOf } from './lines.ts';
import { pathOf, type Resource } from './resource.ts';

/** An object as the server sent it. */
export interface RawObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

export interface ReflectorOptions<T> {
  readonly connection: Connection;
  readonly resource: Resource;
  /** @default all namespaces */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** What to keep of an object; keep little. One it throws on is logged and treated as absent. */
  readonly parse: (raw: RawObject) => T;
  /** Told of each difference, in order. Enqueue a key here, nothing more. */
  readonly onChange?: (key: string, before: T | undefined, after: T | undefined) => void;
  readonly log: Log;
  /** Objects a page: 500 large ones are much memory. @default 500 */
  readonly pageSize?: number;
  /** Shortest and longest watch. A quiet watch is silent to its end. @default [60, 240] */
  readonly watchSeconds?: readonly [number, number];
  /** First and longest pause after failures. @default [1_000, 30_000] */
  readonly pauseMs?: readonly [number, number];
  /** In [0, 1); spreads pauses and watches of many clients. */
  readonly random?: () => number;
}

interface Entry<T> {
  readonly version: string;
  readonly value: T;
}

interface RawList {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string; continue?: string };
  items: RawObject[];
}

type WatchEvent = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'; object: RawObject };

const MAX_LINE_BYTES = 8 * 1024 * 1024;
const LIST_TIMEOUT_MS = 30_000;
/** How long past its own time limit the server may take to end a watch; beyond, the connection is dead. */
const GRACE_MS = 10_000;
/** A watch that lived so long was a good one, even if it brought nothing. */
const GOOD_WATCH_MS = 5_000;
const UNHEALTHY_MS = 120_000;
const LONGEST_RETRY_AFTER_MS = 60_000;

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #path: string;
  readonly #random: () => number;
  readonly #synced = Promise.withResolvers<void>();
  #entries = new Map<string, Entry<T>>();
  /** Where to watch from; undefined: list first. */
  #version: string | undefined;
  #lastContact = performance.now();
  /** How long the server may be silent now without anything being wrong. */
  #quietMs = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#path = pathOf(options.resource, { namespace: options.namespace });
    this.#random = options.random ?? Math.random;
  }

  /** Resolves after the first whole list, when each of its objects has been told of; never, if stopped before. */
  synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** When the server last sent anything, on `performance.now()`'s clock. */
  get lastContact(): number {
    return this.#lastContact;
  }

  /** False once nothing came for two minutes longer than a quiet watch explains. */
  healthy(now = performance.now()): boolean {
    return now - this.#lastContact <= this.#quietMs + UNHEALTHY_MS;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  list(): T[] {
    return [...this.#entries.values()].map((entry) => entry.value);
  }

  /** Lists and watches until the signal fires; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      let watchingSince: number | undefined;
      let error: unknown;
      try {
        if (this.#version === undefined) await this.#list(signal);
        watchingSince = performance.now();
        const spoke = await this.#watch(signal);
        // From a version of the future (etcd was restored) a watch is silent to its end, and so are all that follow.
        if (!spoke) this.#version = undefined;
      } catch (caught) {
        error = caught;
      }
      this.#quietMs = 0;
      if (signal.aborted) return;

      const good = watchingSince !== undefined && performance.now() - watchingSince >= GOOD_WATCH_MS;
      if (good) failures = 0;
      if (good && error === undefined) continue;

      failures += 1;
      if (error !== undefined) this.#fail(error);
      await sleep(this.#pauseAfter(failures, error), undefined, { signal }).catch(() => {});
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { connection, pageSize = 500 } = this.#options;
    const found = new Map<string, Entry<T>>();
    let version: string;
    let next: string | undefined;
    do {
      // Without a resourceVersion the answer is never older than the last one, from whichever server.
      const page = await connection.request<RawList>({
        method: 'GET',
        path: this.#path,
        query: { ...this.#selectors(), limit: pageSize, continue: next },
        timeoutMs: LIST_TIMEOUT_MS,
        signal,
      });
      this.#lastContact = performance.now();
      for (const item of page.items) {
        const key = keyOf(item.metadata);
        const known = this.#entries.get(key);
        // Lists of built-in kinds leave out what each item is; watches do not.
        const kind = { apiVersion: page.apiVersion, kind: page.kind.replace(/List$/, '') };
        const entry =
          known?.version === item.metadata.resourceVersion ? known : this.#entryOf(key, { ...kind, ...item });
        if (entry !== undefined) found.set(key, entry);
      }
      version = page.metadata.resourceVersion;
      next = page.metadata.continue || undefined;
    } while (next !== undefined);

    const before = this.#entries;
    this.#entries = found;
    this.#version = version;
    for (const [key, entry] of before) if (!found.has(key)) this.#tell(key, entry, undefined);
    for (const [key, entry] of found) if (before.get(key) !== entry) this.#tell(key, before.get(key), entry);
    this.#synced.resolve();
  }

  /** One watch; resolves when the server ended it, with whether it brought anything, if only a bookmark. */
  async #watch(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const { connection, watchSeconds: [shortest, longest] = [60, 240] } = this.#options;
    const seconds = Math.round(shortest + this.#random() * (longest - shortest));
    const deadlineMs = seconds * 1000 + GRACE_MS;
    const controller = new AbortController();
    const stop = () => controller.abort(signal.reason);
    const timer = setTimeout(
      () =>
        controller.abort(new DOMException(`the watch did not end within ${deadlineMs} ms`, 'TimeoutError')),
      deadlineMs,
    );
    signal.addEventListener('abort', stop, { once: true });
    try {
      const lines = await connection.stream({
        method: 'GET',
        path: this.#path,
        query: {
          ...this.#selectors(),
          watch: true,
          allowWatchBookmarks: true,
          timeoutSeconds: seconds,
          resourceVersion: this.#version,
        },
        signal: controller.signal,
      });
      this.#lastContact = performance.now();
      this.#quietMs = deadlineMs;
      let spoke = false;
      for await (const line of linesOf(lines, MAX_LINE_BYTES)) {
        this.#lastContact = performance.now();
        this.#take(JSON.parse(line));
        spoke = true;
      }
      return spoke;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') {
      const code = Number(object.code ?? 500);
      throw errorOfStatus(code, object, { request: `WATCH ${this.#path}` });
    }
    const version = object.metadata.resourceVersion;
    if (type !== 'BOOKMARK') {
      const key = keyOf(object.metadata);
      const before = this.#entries.get(key);
      const after = type === 'DELETED' ? undefined : this.#entryOf(key, object);
      if (after === undefined) this.#entries.delete(key);
      else this.#entries.set(key, after);
      if (before !== undefined || after !== undefined) this.#tell(key, before, after);
    }
    this.#version = version;
  }

  #entryOf(key: string, raw: RawObject): Entry<T> | undefined {
    delete raw.metadata.managedFields;
    try {
      return { version: raw.metadata.resourceVersion, value: this.#options.parse(raw) };
    } catch (error) {
      this.#options.log.warn({ key, kind: raw.kind, err: error }, 'Object not understood');
      return undefined;
    }
  }

  #tell(key: string, before: Entry<T> | undefined, after: Entry<T> | undefined): void {
    try {
      this.#options.onChange?.(key, before?.value, after?.value);
    } catch (error) {
      this.#options.log.error({ key, err: error }, 'Change not taken');
    }
  }

  /**
   * After a broken connection, a deadline or a 429 nothing was missed: watch on. After anything else (410, an ERROR
   * event, a version the server does not know, a line that is no JSON) the version is worth nothing: list.
   */
  #fail(error: unknown): void {
    const words = kubeErrorOf(error);
    const unreadable = error instanceof SyntaxError || error instanceof RangeError;
    const relist = unreadable || (words.code !== 0 && words.code !== 429);
    if (relist) this.#version = undefined;
    const fields = { resource: this.#path, ...words, relist: this.#version === undefined };
    if (words.code === 410) this.#options.log.info(fields, 'Watch too old');
    else this.#options.log.warn(fields, 'List or watch failed');
  }

  #pauseAfter(failures: number, error: unknown): number {
    const [first, longest] = this.#options.pauseMs ?? [1_000, 30_000];
    const pauseMs = Math.min(longest, first * 2 ** (failures - 1)) * (0.75 + this.#random() * 0.5);
    const askedMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(pauseMs, Math.min(askedMs, LONGEST_RETRY_AFTER_MS));
  }

  #selectors(): { labelSelector: string | undefined; fieldSelector: string | undefined } {
    return { labelSelector: this.#options.labelSelector, fieldSelector: this.#options.fieldSelector };
  }
}
