/**
 * The Jobs that exist, builds and looks, and the room for more.
 *
 * Fed by the watches, and by what the API server answered when a Job was made: so a Job counts from the
 * moment it exists, not from the moment a watch brings it.
 */
import type { Settings } from '../settings.ts';
import type { JobView, PodView } from './views.ts';

/** A Job nobody has seen in a watch for so long after its creation is gone. */
const UNSEEN_MS = 60_000;

/** A Job whose pod is not there, not placed or lacks a Secret after so long does not run: it holds no place. */
const STARTING_MS = 15_000;
/** A node has been found, and all that is mounted. */
const BEFORE_THE_START: ReadonlySet<string> = new Set(['PodScheduled', 'PodReadyToStartContainers']);

interface Known {
  readonly view: JobView;
  /** When this process first heard of the Job. */
  readonly since: number;
  /** Until a watch has brought the Job, it is only what the API server once answered. */
  readonly learned: boolean;
}

export class Builds {
  readonly #limit: number;
  /** namespace → name → Job */
  readonly #jobs = new Map<string, Map<string, Known>>();
  /** uid of a Job → its pods by name */
  readonly #pods = new Map<string, Map<string, PodView>>();
  readonly #starting = new Set<string>();
  /** The last of those who wait for their turn. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor({ concurrency }: Pick<Settings, 'concurrency'>) {
    this.#limit = concurrency.builds;
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
    if (after) within(this.#pods, after.jobUid).set(after.name, after);
    else if (before) remove(this.#pods, before.jobUid, before.name);
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
      !pod.status?.conditions?.some((one) => BEFORE_THE_START.has(one.type) && one.status === 'False')
    );
  }
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
