/**
 * The loop: watches bring keys, each key gets one pass at a time.
 *
 * Events of Jobs, pods and ConfigMaps become the keys of the ImageSpecs that own them, so everything meets in one
 * queue, and a missed event costs a wait, not correctness: every object is looked at again every ten
 * minutes, whatever the watches say.
 */
import { conditionOf } from '../api/conditions.ts';
import { type ImageSpec, parseImageSpec } from '../api/image-spec.ts';
import type { V1ConfigMap, V1Job, V1Pod } from '../api/kubernetes.ts';
import { keyOf, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { kubeErrorOf } from '../kube/errors.ts';
import { Reflector } from '../kube/reflector.ts';
import { CONFIG_MAPS, IMAGE_SPECS, JOBS, PODS } from '../kube/resource.ts';
import type { Metrics } from '../metrics.ts';
import { baseNameOf } from './inputs.ts';
import { Published } from './published.ts';
import { type Parts, reconcile } from './reconcile.ts';
import { type ConfigMapView, configMapView, type JobView, jobView, type PodView, podView } from './views.ts';
import { WorkQueue } from './work-queue.ts';

const RESYNC_MS = 10 * 60_000;
/** Passes at a time. They wait for registries most of the time, and one that hangs must not hold up the others. */
const LANES = 64;
/** A Job carries its whole build context: a page of many would be much memory. */
const JOBS_A_PAGE = 50;

export interface ControllerOptions extends Omit<Parts, 'imageSpecOf' | 'published'> {
  readonly metrics: Metrics;
}

export class Controller {
  readonly #options: ControllerOptions;
  readonly #queue: WorkQueue;
  readonly #specs: Reflector<ImageSpec>;
  readonly #jobs: Reflector<JobView>;
  readonly #pods: Reflector<PodView>;
  readonly #configMaps: Reflector<ConfigMapView>;
  readonly #published = new Published();
  /** ImageSpecs that wait for a place to build, the longest waiting first. */
  readonly #queued = new Set<string>();
  /** Key of a base → keys of the ImageSpecs built on it. */
  readonly #builtOn = new Map<string, Set<string>>();
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;
  #ready = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { connection, log, builds } = options;
    this.#queue = new WorkQueue((key) => this.#work(key), {
      concurrency: LANES,
      onError: (key, error, againInMs) => {
        if (this.#stop.signal.aborted) return;
        options.metrics.reconciled('error', 0);
        log.error({ imageSpec: key, error: kubeErrorOf(error), againInMs }, 'Reconcile failed');
      },
    });
    this.#specs = new Reflector({
      connection,
      log,
      resource: IMAGE_SPECS,
      parse: parseImageSpec,
      onChange: (key, before, after) => {
        this.#queue.add(key);
        this.#noteBase(key, before, after);
        for (const dependent of this.#builtOn.get(key) ?? []) this.#queue.add(dependent);
      },
    });
    const ours = { connection, log, labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` };
    this.#jobs = new Reflector({
      ...ours,
      resource: JOBS,
      pageSize: JOBS_A_PAGE,
      parse: (raw) => jobView(raw as V1Job),
      onChange: (_key, before, after) => {
        builds.jobChanged(before, after);
        this.#enqueueOwners(before);
        this.#enqueueOwners(after);
        if (after === undefined || after.ended !== undefined) this.#wakeQueued();
      },
    });
    this.#pods = new Reflector({
      ...ours,
      resource: PODS,
      parse: (raw) => podView(raw as V1Pod),
      onChange: (_key, before, after) => {
        builds.podChanged(before, after);
        const pod = after ?? before;
        const job = pod && this.#jobs.get(`${pod.namespace}/${pod.job}`);
        this.#enqueueOwners(job);
      },
    });
    this.#configMaps = new Reflector({
      ...ours,
      resource: CONFIG_MAPS,
      parse: (raw) => configMapView(raw as V1ConfigMap),
      onChange: (_key, before, after) => {
        this.#published.changed(before, after);
        this.#enqueueOwners(before);
        this.#enqueueOwners(after);
      },
    });
  }

  /** Starts watching; resolves when the first lists are in and passes begin. */
  async start(): Promise<void> {
    const { signal } = this.#stop;
    // ImageSpecs first, then Jobs, then pods: what a status speaks of is then in the later lists.
    const specs = this.#specs.run(signal);
    await this.#specs.synced();
    const jobs = this.#jobs.run(signal);
    await this.#jobs.synced();
    const pods = this.#pods.run(signal);
    await this.#pods.synced();
    const configMaps = this.#configMaps.run(signal);
    await this.#configMaps.synced();
    const resync = setInterval(() => this.#resync(), RESYNC_MS);
    signal.addEventListener('abort', () => clearInterval(resync));
    this.#running = Promise.all([specs, jobs, pods, configMaps]);
    this.#ready = true;
    this.#resync();
  }

  /** True once passes have begun. */
  get ready(): boolean {
    return this.#ready;
  }

  /** False when a watch has been without any contact for too long. */
  healthy(): boolean {
    return [this.#specs, this.#jobs, this.#pods, this.#configMaps].every((reflector) => reflector.healthy());
  }

  /** ImageSpecs by their Ready condition, for the metrics. */
  counts(): { ready: number; notReady: number; queue: number; builds: number } {
    const specs = this.#specs.list();
    const ready = specs.filter(
      (spec) => conditionOf(spec.status?.conditions, 'Ready')?.status === 'True',
    ).length;
    return {
      ready,
      notReady: specs.length - ready,
      queue: this.#queue.depth,
      builds: this.#options.builds.active,
    };
  }

  /** Ends the watches and waits for passes under way. Builds go on as Jobs. */
  async stop(): Promise<void> {
    // Questions to registries end at once; a pass that asks none ends as it would have.
    this.#stop.abort();
    await this.#queue.stop();
    await this.#running;
  }

  async #work(key: string): Promise<void> {
    if (!this.#ready) return;
    const object = this.#specs.get(key);
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
      this.#queued.delete(key);
      this.#queue.forget(key);
      this.#options.answers.forget(key);
      return;
    }
    const log = this.#options.log.child({ imageSpec: key, generation: object.metadata.generation });
    const begun = performance.now();
    const imageSpecOf = (namespace: string, name: string) => this.#specs.get(keyOf({ namespace, name }));
    const parts = { ...this.#options, imageSpecOf, published: this.#published, log };
    const done = await reconcile(object, parts, this.#stop.signal).catch((error: unknown) => {
      this.#queued.delete(key);
      throw error;
    });
    this.#options.metrics.reconciled(done.result, (performance.now() - begun) / 1000);
    // Who waits on keeps its place in the line.
    if (done.queued) this.#queued.add(key);
    else this.#queued.delete(key);
    if (done.requeueAfterMs !== undefined) this.#queue.addAfter(key, done.requeueAfterMs);
  }

  /** Keeps who is built on whom, so that a base's change reaches those that wait for it. */
  #noteBase(key: string, before: ImageSpec | undefined, after: ImageSpec | undefined): void {
    const namespace = (after ?? before)?.metadata.namespace;
    const [old, now] = [before, after].map(baseNameOf);
    if (old !== undefined && old !== now) {
      const dependents = this.#builtOn.get(keyOf({ namespace, name: old }));
      dependents?.delete(key);
      if (dependents?.size === 0) this.#builtOn.delete(keyOf({ namespace, name: old }));
    }
    if (now === undefined) return;
    const base = keyOf({ namespace, name: now });
    this.#builtOn.set(base, (this.#builtOn.get(base) ?? new Set()).add(key));
  }

  #enqueueOwners(view: Pick<JobView, 'namespace' | 'owners'> | undefined): void {
    for (const owner of view?.owners ?? [])
      this.#queue.add(keyOf({ namespace: view?.namespace, name: owner.name }));
  }

  #wakeQueued(): void {
    const free = this.#options.settings.concurrency.builds - this.#options.builds.active;
    for (const key of [...this.#queued].slice(0, Math.max(0, free))) this.#queue.add(key);
  }

  #resync(): void {
    for (const object of this.#specs.list()) this.#queue.add(keyOf(object.metadata));
  }
}
