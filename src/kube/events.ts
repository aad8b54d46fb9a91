/**
 * Events (events.k8s.io/v1) about our objects, for `kubectl describe` and whoever listens.
 *
 * Never in the way: recording returns at once, what cannot be written is logged and dropped. The same thing said again
 * within a while becomes the series of the first Event, so a loop makes one Event and not thousands.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { V1ObjectReference } from '../api/kubernetes.ts';
import { REPORTING_CONTROLLER } from '../api/names.ts';
import type { Log } from '../log.ts';
import { CONTENT, type Connection } from './connection.ts';
import { KubeError, kubeErrorOf } from './errors.ts';
import { EVENTS, pathOf } from './resource.ts';

export interface EventNote {
  readonly regarding: V1ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** One word, such as `BuildStarted`. */
  readonly reason: string;
  /** A sentence; cut to 1 KiB. */
  readonly note: string;
  /** What was done or tried, one word, such as `Build`. */
  readonly action: string;
}

export interface EventRecorderOptions {
  readonly connection: Connection;
  readonly log: Log;
  /** Which replica speaks: its Pod's name. */
  readonly instance: string;
  /** How long after it was last said a thing counts as said again. @default 360_000 */
  readonly seriesMs?: number;
  /** Notes waiting at most; more are dropped. @default 1_000 */
  readonly limit?: number;
  /** @default () => new Date() */
  readonly now?: () => Date;
}

/** One Event, as known here. */
interface Said {
  readonly note: EventNote;
  readonly path: { namespace: string; name: string };
  readonly firstTime: Date;
  lastTime: Date;
  count: number;
  written: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #seriesMs: number;
  readonly #limit: number;
  readonly #now: () => Date;
  /** What was said lately; the least recent first. */
  readonly #said = new Map<string, Said>();
  /** Keys whose Event is not written as it should be. */
  readonly #waiting = new Set<string>();
  #writing: Promise<void> | undefined;
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#seriesMs = options.seriesMs ?? 360_000;
    this.#limit = options.limit ?? 1_000;
    this.#now = options.now ?? (() => new Date());
  }

  /** Says something about an object; returns before it is written and never throws. */
  record(note: EventNote): void {
    const now = this.#now();
    this.#forget(now);
    const key = keyOfNote(note);
    const known = this.#said.get(key);
    if (known === undefined && this.#waiting.size >= this.#limit) {
      this.#dropped += 1;
      return;
    }
    const said = known ?? {
      note: { ...note, note: cutToBytes(note.note, 1024) },
      path: { namespace: note.regarding.namespace ?? 'default', name: nameOfEvent(note) },
      firstTime: now,
      lastTime: now,
      count: 0,
      written: 0,
    };
    said.count += 1;
    said.lastTime = now;
    this.#said.delete(key);
    this.#said.set(key, said);
    this.#waiting.add(key);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves once nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      const said = this.#said.get(key);
      if (said === undefined) continue;
      try {
        await this.#write(said);
      } catch (error) {
        this.#said.delete(key);
        const { regarding, reason } = said.note;
        this.#options.log.warn({ regarding, event: reason, ...kubeErrorOf(error) }, 'Event not written');
      }
    }
    if (this.#dropped > 0) {
      this.#options.log.warn({ dropped: this.#dropped }, 'Events dropped');
      this.#dropped = 0;
    }
    // In the same turn as the last look at what waits, or a note recorded in between would stay.
    this.#writing = undefined;
  }

  async #write(said: Said): Promise<void> {
    const count = said.count;
    if (said.written > 0) {
      try {
        await this.#options.connection.request({
          method: 'PATCH',
          path: pathOf(EVENTS, said.path),
          contentType: CONTENT.merge,
          body: { series: { count, lastObservedTime: microTime(said.lastTime) } },
        });
        said.written = count;
        return;
      } catch (error) {
        // The server forgets Events after an hour; say it anew.
        if (!(error instanceof KubeError && error.code === 404)) throw error;
      }
    }
    await this.#options.connection.request({
      method: 'POST',
      path: pathOf(EVENTS, { namespace: said.path.namespace }),
      body: {
        apiVersion: EVENTS.apiVersion,
        kind: 'Event',
        metadata: said.path,
        eventTime: microTime(said.firstTime),
        ...(count > 1 ? { series: { count, lastObservedTime: microTime(said.lastTime) } } : {}),
        reportingController: REPORTING_CONTROLLER,
        reportingInstance: this.#options.instance.slice(0, 128),
        ...said.note,
      },
    });
    said.written = count;
  }

  #forget(now: Date): void {
    for (const [key, said] of this.#said) {
      if (now.getTime() - said.lastTime.getTime() <= this.#seriesMs) return;
      if (!this.#waiting.has(key)) this.#said.delete(key);
    }
  }
}

/** Cuts a text to so many bytes of UTF-8, between characters. */
function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  // A character that was cut in two becomes U+FFFD; with `stream` it is held back instead.
  return new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
}

/** Kubernetes' MicroTime: exactly six decimals. */
function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}

function keyOfNote({ regarding, type, reason, note, action }: EventNote): string {
  return createHash('sha256')
    .update(JSON.stringify([regarding.uid, regarding.namespace, regarding.name, type, reason, note, action]))
    .digest('base64');
}

function nameOfEvent({ regarding }: EventNote): string {
  return `${(regarding.name ?? 'unnamed').slice(0, 230)}.${randomBytes(8).toString('hex')}`;
}
