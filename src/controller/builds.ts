/**
 * The Jobs that exist, builds and looks, and the room for more.
 *
 * Fed by the watches, and by what the API server answered when a Job was made: so a Job counts from the
 * moment it exists, not from the moment a watch brings it.
 */
import type { z } from 'zod';
import { buildResultSchema, lookResultSchema } from '../api/build-result.ts';
import type { Explained } from '../build/engine.ts';
import { ENGINES, type EngineName } from '../build/engines.ts';
import { type Progress, progressOf } from '../build/outcome.ts';
import type { JobFact, LookFact } from '../plan/facts.ts';
import type { Settings } from '../settings.ts';
import type { JobView, PodView } from './views.ts';
import { timeOf } from './views.ts';

/** A Job nobody has seen in a watch for so long after its creation is gone. */
const UNSEEN_MS = 60_000;

/** A Job whose pod is not there or not placed after so long does not run: it holds no place. */
const STARTING_MS = 15_000;

interface Known {
  readonly view: JobView;
  /** When this process first heard of the Job. */
  readonly since: number;
  /** Until a watch has brought the Job, it is only what the API server once answered. */
  readonly learned: boolean;
}

export class Builds {
  readonly #limit: number;
  readonly #builders: Settings['builders'];
  /** namespace → name → Job */
  readonly #jobs = new Map<string, Map<string, Known>>();
  /** uid of a Job → its pods by name */
  readonly #pods = new Map<string, Map<string, PodView>>();
  readonly #starting = new Set<string>();
  /** The last of those who wait for their turn. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor({ concurrency, builders }: Pick<Settings, 'concurrency' | 'builders'>) {
    this.#limit = concurrency.builds;
    this.#builders = builders;
  }

  /** A watch's word about a Job. */
  jobChanged(before: JobView | undefined, after: JobView | undefined): void {
    if (after) this.#note(after, false);
    else if (before) remove(this.#jobs, before.namespace, before.name);
  }

  /** What the API server answered when it was asked directly: newer than what the watch has brought so far. */
  learned(view: JobView): void {
    const known = this.#jobs.get(view.namespace)?.get(view.name);
    this.#note(view, known?.view.uid === view.uid ? known.learned : true);
  }

  podChanged(before: PodView | undefined, after: PodView | undefined): void {
    const view = after ?? before;
    if (!view) return;
    if (after) within(this.#pods, view.jobUid).set(view.name, after);
    else remove(this.#pods, view.jobUid, view.name);
  }

  /** The builds of a namespace. */
  jobsOf(namespace: string): JobView[] {
    return this.#all(namespace).filter((job) => job.look === '');
  }

  /** The looks of a namespace: at one question, or all. */
  looksOf(namespace: string, question?: string): JobView[] {
    return this.#all(namespace).filter((job) =>
      question === undefined ? job.look !== '' : job.look === question,
    );
  }

  #all(namespace: string): JobView[] {
    this.#forgetUnseen();
    return [...(this.#jobs.get(namespace)?.values() ?? [])].map((entry) => entry.view);
  }

  /** The newest pod of a Job. */
  podOf(job: JobView): PodView | undefined {
    const pods = [...(this.#pods.get(job.uid)?.values() ?? [])];
    return pods.sort((a, b) => b.created - a.created)[0];
  }

  /** Everything a decision needs of one build; its pod's end is the build's end. */
  factOf(job: JobView): JobFact {
    const pod = this.podOf(job);
    const progress = this.#progress(job, pod, buildResultSchema);
    const ended = endedAt(job, pod, progress);
    const started = startOf(pod);
    return {
      name: job.name,
      uid: job.uid,
      attempt: job.attempt,
      access: job.access,
      builder: job.builder,
      owners: job.owners.map((owner) => owner.uid),
      deleting: job.deleting,
      created: job.created,
      ...(ended === undefined ? {} : { ended }),
      ...(started === undefined ? {} : { started }),
      progress,
    };
  }

  lookFactOf(job: JobView): LookFact {
    const pod = this.podOf(job);
    const progress = this.#progress(job, pod, lookResultSchema);
    const ended = endedAt(job, pod, progress);
    const { name, attempt, deleting, created } = job;
    return { name, attempt, deleting, created, progress, ...(ended === undefined ? {} : { ended }) };
  }

  /** Builds that run now, in all namespaces; those that cannot start hold nobody up. */
  get active(): number {
    const running = (known: Known) =>
      !this.#starting.has(`${known.view.namespace}/${known.view.name}`) && known.view.look === '';
    return this.#starting.size + this.#count(running);
  }

  /** Looks have as many places of their own as builds. */
  get lookFree(): boolean {
    return this.#count((known) => known.view.look !== '') < this.#limit;
  }

  #count(which: (known: Known) => boolean): number {
    this.#forgetUnseen();
    let count = 0;
    for (const jobs of this.#jobs.values()) {
      for (const known of jobs.values()) if (which(known) && this.#holdsPlace(known)) count += 1;
    }
    return count;
  }

  get slotFree(): boolean {
    return this.active < this.#limit;
  }

  /** Takes a place for a Job about to be made; give it back with {@link started}. */
  take(namespace: string, job: string): boolean {
    if (!this.slotFree) return false;
    this.#starting.add(`${namespace}/${job}`);
    return true;
  }

  started(namespace: string, job: string): void {
    this.#starting.delete(`${namespace}/${job}`);
  }

  /** Runs `work` when what came before it for the same image has ended. */
  async inTurn<T>(image: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(image) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#turns.set(image, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(image) === mine) this.#turns.delete(image);
    }
  }

  #note(view: JobView, learned: boolean): void {
    const jobs = within(this.#jobs, view.namespace);
    const known = jobs.get(view.name);
    const since = known?.view.uid === view.uid ? known.since : performance.now();
    jobs.set(view.name, { view, since, learned });
  }

  #forgetUnseen(): void {
    for (const [namespace, jobs] of this.#jobs) {
      for (const [name, { learned, since }] of jobs) {
        if (learned && performance.now() - since > UNSEEN_MS) remove(this.#jobs, namespace, name);
      }
    }
  }

  #holdsPlace({ view, since }: Known): boolean {
    if (view.ended !== undefined) return false;
    if (performance.now() - since < STARTING_MS) return true;
    const pod = this.podOf(view);
    return (
      pod !== undefined &&
      !pod.status?.conditions?.some((one) => one.type === 'PodScheduled' && one.status === 'False')
    );
  }

  #progress<Result>(job: JobView, pod: PodView | undefined, result: z.ZodType<Result>): Progress<Result> {
    if (!pod && job.ended === undefined) return { state: 'pending' };
    // What the pod said went with it.
    if (!pod) return job.completed ? { state: 'succeeded', result: undefined } : { state: 'disrupted' };
    const progress = progressOf(pod, this.#explainerOf(job.builder), result);
    return progress.state === 'failed' && wasDeleted(pod) ? { state: 'disrupted' } : progress;
  }

  /** The engine's own reading of its log; that of a builder which is gone from the settings is read as BuildKit's. */
  #explainerOf(builder: string): (log: string) => Explained {
    const engine = this.#builders.find(({ name }) => name === builder)?.engine ?? 'BuildKit';
    return (ENGINES[engine as EngineName] ?? ENGINES.BuildKit).explain;
  }
}

function endedAt(job: JobView, pod: PodView | undefined, progress: Progress<unknown>): number | undefined {
  const over = progress.state === 'succeeded' || progress.state === 'failed';
  if (!over && (job.ended === undefined || isUnderWay(pod))) return undefined;
  return endOf(pod) ?? job.ended ?? job.created;
}

function isUnderWay(pod: PodView | undefined): boolean {
  return pod?.status?.phase === 'Pending' || pod?.status?.phase === 'Running';
}

/** Somebody ended it: how its steps then failed says nothing about the build. */
function wasDeleted(pod: PodView): boolean {
  return pod.deleted !== undefined && pod.deleted <= (endOf(pod) ?? 0);
}

function endOf(pod: PodView | undefined): number | undefined {
  const ends = statuses(pod).map((status) => timeOf(status.state?.terminated?.finishedAt) ?? 0);
  const last = Math.max(0, ...ends);
  return last === 0 ? undefined : last;
}

function startOf(pod: PodView | undefined): number | undefined {
  // The first step of ours, not a helper that some webhook put in front.
  const first = statuses(pod).find(({ name }) => name === 'prepare' || name === 'index')?.state;
  return timeOf(first?.running?.startedAt ?? first?.terminated?.startedAt);
}

function statuses(pod: PodView | undefined) {
  return [...(pod?.status?.initContainerStatuses ?? []), ...(pod?.status?.containerStatuses ?? [])];
}

function within<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const found = map.get(key) ?? new Map<string, V>();
  map.set(key, found);
  return found;
}

function remove<V>(map: Map<string, Map<string, V>>, outer: string, inner: string): void {
  const found = map.get(outer);
  found?.delete(inner);
  if (found?.size === 0) map.delete(outer);
}
