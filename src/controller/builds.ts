/**
 * The build Jobs that exist and the room for more.
 *
 * Fed by the watches, and by what the API server answered when a Job was made: so a Job counts from the
 * moment it exists, not from the moment a watch brings it.
 */
import { ENGINES } from '../build/engines.ts';
import { type Progress, progressOf } from '../build/outcome.ts';
import type { JobFact } from '../plan/facts.ts';
import type { JobView, PodView } from './views.ts';
import { timeOf } from './views.ts';

/** A Job nobody has seen in a watch for so long after its creation is gone. */
const UNSEEN_MS = 60_000;

interface Known {
  readonly view: JobView;
  /** Set until a watch has brought the Job. */
  readonly learnedAt?: number;
}

export class Builds {
  readonly #limit: number;
  /** namespace → name → Job */
  readonly #jobs = new Map<string, Map<string, Known>>();
  /** namespace/job → its pods by name */
  readonly #pods = new Map<string, Map<string, PodView>>();
  readonly #starting = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A watch's word about a Job. */
  jobChanged(before: JobView | undefined, after: JobView | undefined): void {
    const view = after ?? before;
    if (!view) return;
    if (after) within(this.#jobs, view.namespace).set(view.name, { view: after });
    else remove(this.#jobs, view.namespace, view.name);
  }

  /** What the API server answered when it was asked directly. */
  learned(view: JobView): void {
    const known = within(this.#jobs, view.namespace);
    if (known.get(view.name)?.view.uid !== view.uid)
      known.set(view.name, { view, learnedAt: performance.now() });
  }

  podChanged(before: PodView | undefined, after: PodView | undefined): void {
    const view = after ?? before;
    if (!view) return;
    const key = `${view.namespace}/${view.job}`;
    if (after) within(this.#pods, key).set(view.name, after);
    else remove(this.#pods, key, view.name);
  }

  jobsOf(namespace: string): JobView[] {
    const known = this.#jobs.get(namespace);
    if (!known) return [];
    for (const [name, { learnedAt }] of known) {
      if (learnedAt !== undefined && performance.now() - learnedAt > UNSEEN_MS) known.delete(name);
    }
    return [...known.values()].map((entry) => entry.view);
  }

  /** The newest pod of a Job. */
  podOf(job: JobView): PodView | undefined {
    const pods = [...(this.#pods.get(`${job.namespace}/${job.name}`)?.values() ?? [])];
    return pods.sort((a, b) => b.created - a.created)[0];
  }

  /** Everything a decision needs of one Job; its pod's end is the build's end. */
  factOf(job: JobView): JobFact {
    const pod = this.podOf(job);
    const progress = this.#progress(job, pod);
    const over = progress.state === 'succeeded' || progress.state === 'failed';
    const ended =
      over || (job.ended !== undefined && !isUnderWay(pod))
        ? (endOf(pod) ?? job.ended ?? job.created)
        : undefined;
    const started = startOf(pod);
    return {
      name: job.name,
      uid: job.uid,
      attempt: job.attempt,
      access: job.access,
      rebuild: job.rebuild,
      builder: job.builder,
      owners: job.owners.map((owner) => owner.uid),
      deleting: job.deleting,
      created: job.created,
      ...(ended === undefined ? {} : { ended }),
      ...(started === undefined ? {} : { started }),
      progress,
    };
  }

  /** Builds that run now, in all namespaces. */
  get active(): number {
    let count = this.#starting.size;
    for (const known of this.#jobs.values()) {
      for (const { view } of known.values()) {
        if (view.ended === undefined && !this.#starting.has(`${view.namespace}/${view.name}`)) count += 1;
      }
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

  #progress(job: JobView, pod: PodView | undefined): Progress {
    if (!pod) return job.ended === undefined ? { state: 'pending' } : { state: 'disrupted' };
    // The engine's own reading; a Job of an engine that is gone is read as BuildKit's.
    return progressOf(pod, ENGINES.BuildKit.explain);
  }
}

function isUnderWay(pod: PodView | undefined): boolean {
  return pod?.status?.phase === 'Pending' || pod?.status?.phase === 'Running';
}

function endOf(pod: PodView | undefined): number | undefined {
  const ends = statuses(pod).map((status) => timeOf(status.state?.terminated?.finishedAt) ?? 0);
  const last = Math.max(0, ...ends);
  return last === 0 ? undefined : last;
}

function startOf(pod: PodView | undefined): number | undefined {
  const first = pod?.status?.initContainerStatuses?.find((status) => status.name === 'prepare')?.state;
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
