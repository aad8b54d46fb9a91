/**
 * The stage of the end-to-end tests: the local cluster, operators that run as processes of this host, and namespaces
 * of a test's own. Everything is changed as a user would change it, with kubectl; what came of it is read from the
 * API server and the registry.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, test as base, beforeAll, describe } from 'vitest';
import { type Cluster, current, pushOperator } from '../../scripts/cluster/cluster.ts';
import { localSettings } from '../../scripts/cluster/operator.ts';
import { run } from '../../scripts/cluster/run.ts';
import { conditionOf } from '../../src/api/conditions.ts';
import type { Spec } from '../../src/api/image-spec.ts';
import type { V1Job, V1Pod } from '../../src/api/kubernetes.ts';
import { API_VERSION, KIND, OPERATOR_NAMESPACE } from '../../src/api/names.ts';
import type { Status } from '../../src/api/status.ts';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { linesOf } from '../../src/kube/lines.ts';
import { EVENTS, IMAGE_SPECS, JOBS, PODS, pathOf, type Resource } from '../../src/kube/resource.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';

const running = await current();
if (!running) throw new Error('These tests need a cluster: `npm run cluster -- up`.');

export const cluster: Cluster = running;

/** Repositories of this run begin so: what an earlier run built is never found. */
export const RUN = `e2e-${randomBytes(4).toString('hex')}`;

/**
 * A group of tests with the operator running. With kind, host and pods know the registry under different names, which
 * one operator's settings cannot say; there the operator must run in the cluster, and these tests are left out.
 *
 * @param settings replaces top-level fields of the operator's settings; a function makes first what they speak of
 */
export function withOperator(
  title: string,
  tests: (operator: Operator) => void,
  settings: object | (() => Promise<object>) = {},
) {
  const reason = 'left out with kind: host and pods know the registry under different names';
  describe.skipIf(cluster.kind === 'kind')(cluster.kind === 'kind' ? `${title} (${reason})` : title, () => {
    const operator = new Operator();
    let replicas = 0;
    beforeAll(async () => {
      await kubectl(['apply', '--server-side', '--force-conflicts', '--kustomize', 'crds']);
      const crd = 'crd/imagespecs.imagespec.dev';
      await kubectl(['wait', '--for=condition=Established', '--timeout=30s', crd]);
      replicas = await scaleDeployed(0);
      operator.settings = typeof settings === 'function' ? await settings() : settings;
      await operator.start();
    });
    afterAll(async () => {
      await operator.kill();
      await rm(await folder, { recursive: true, force: true });
      if (replicas > 0) await scaleDeployed(replicas);
    });
    tests(operator);
  });
}

/** Scales the operator that runs in the cluster, if one does; resolves with how many there were. */
async function scaleDeployed(replicas: number): Promise<number> {
  const deployment = ['deployment/imagespec-operator', `--namespace=${OPERATOR_NAMESPACE}`];
  const format = ['--ignore-not-found', '--output=jsonpath={.spec.replicas}'];
  const before = Number(await kubectl(['get', ...deployment, ...format]));
  if (before === replicas || before + replicas === 0) return before;
  if (!(await kubectl(['get', ...deployment, '--ignore-not-found', '--output=name']))) return 0;
  await kubectl(['scale', ...deployment, `--replicas=${replicas}`]);
  if (replicas === 0) {
    const pods = ['pod', '--selector=app.kubernetes.io/name=imagespec-operator'];
    await kubectl(['wait', '--for=delete', ...pods, `--namespace=${OPERATOR_NAMESPACE}`, '--timeout=60s']);
  }
  return before;
}

/** Where the settings and logs of this file's operators are. */
const folder = mkdtemp(join(tmpdir(), 'imagespec-e2e-'));

/** An operator as a process of this host; it may be killed and started again. */
export class Operator {
  /** What replaces top-level fields of the usual settings, from the next start on. */
  settings: object;
  #running: OperatorProcess | undefined;

  constructor(settings: object = {}) {
    this.settings = settings;
  }

  /** Starts it with the sources as they are; resolves when its first passes begin. */
  async start(): Promise<void> {
    settings ??= usualSettings();
    const own = { ...(await settings), ...this.settings };
    this.#running = await startOperator(await folder, cluster.kubeconfig, own);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#running?.process.end('KILL');
  }

  /** SIGTERM; resolves when it has ended. */
  async terminate(): Promise<{ exitCode: number | null; seconds: number }> {
    const begun = performance.now();
    await this.#running?.process.end('TERM');
    return {
      exitCode: this.#running?.process.exitCode() ?? null,
      seconds: (performance.now() - begun) / 1000,
    };
  }

  /** What it said since it was last started. */
  log(): Promise<string> {
    return this.#running?.log() ?? Promise.resolve('');
  }
}

/** One step image for all starts in a file, also while the registry is away. */
let settings: Promise<object> | undefined;

async function usualSettings(): Promise<object> {
  const usual = await localSettings(cluster);
  return {
    ...usual,
    // Small requests: a few builds share the node's two cores.
    defaults: {
      registry: cluster.registry,
      resources: {
        requests: { cpu: '100m', memory: '128Mi', 'ephemeral-storage': '256Mi' },
        limits: { cpu: '2', memory: '2Gi', 'ephemeral-storage': '10Gi' },
      },
    },
    stepImage: await pushOperator(),
  };
}

/** The engine's image, in the cluster's own registry. */
export const ENGINE_IMAGE = `${cluster.registry}/moby/buildkit:v0.32.2-rootless`;

let connected: Promise<Connection> | undefined;
/** The administrator's connection, for reading. */
function connection(): Promise<Connection> {
  connected ??= connect({ kubeconfig: cluster.kubeconfig });
  return connected;
}

/** Runs kubectl to its end; its own words are in the error when it fails. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const options = input === undefined ? {} : { input };
  return (await run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, ...args], options)).stdout;
}

/** A test that may ask for namespaces; they are deleted when it ends. */
export const test = base.extend<{ newNamespace: (labels?: Record<string, string>) => Promise<string> }>({
  newNamespace: async ({ task }, use) => {
    const made: string[] = [];
    await use(async (labels = PRIVILEGED) => {
      const namespace = await createNamespace(task.name, labels);
      made.push(namespace);
      return namespace;
    });
    await Promise.all(made.map(deleteNamespace));
  },
});

/** What rootless BuildKit's pods need of a namespace. */
const PRIVILEGED = { 'pod-security.kubernetes.io/enforce': 'privileged' };

export async function createNamespace(purpose: string, labels: Record<string, string> = PRIVILEGED) {
  const name = `e2e-${randomBytes(4).toString('hex')}`;
  const metadata = { name, labels, annotations: { 'imagespec.dev/test': purpose } };
  await kubectl(
    ['create', '--filename', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }),
  );
  const account: Resource = { apiVersion: 'v1', plural: 'serviceaccounts' };
  // Without its default account a namespace takes no Pods yet.
  await reached(
    `namespace ${name}`,
    () => list(account, name),
    (accounts) => accounts.length > 0,
  );
  return name;
}

export async function deleteNamespace(name: string): Promise<void> {
  await kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found']);
}

/** An ImageSpec as the API server shows it. */
export interface Shown {
  readonly metadata: { name: string; namespace: string; uid: string; generation: number };
  readonly spec: Partial<Spec>;
  readonly status: Status;
}

/** What users may write in a spec: everything is optional, and it may be wrong. */
export type Written = Record<string, unknown>;

/** `kubectl apply` of ImageSpecs by name, all at once. */
export async function apply(namespace: string, specs: Readonly<Record<string, Written>>): Promise<void> {
  const items = Object.entries(specs).map(([name, spec]) => ({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, namespace },
    spec,
  }));
  await kubectl(['apply', '--filename', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

/** `kubectl patch` of a spec; null takes a field away. */
export async function change(namespace: string, name: string, spec: Written): Promise<void> {
  const target = ['patch', 'imagespec', name, `--namespace=${namespace}`];
  await kubectl([...target, '--type=merge', `--patch=${JSON.stringify({ spec })}`]);
}

export async function show(namespace: string, name: string): Promise<Shown> {
  return await (await connection()).request<Shown>({
    method: 'GET',
    path: pathOf(IMAGE_SPECS, { namespace, name }),
  });
}

async function list<T>(resource: Resource, namespace: string, fieldSelector?: string): Promise<T[]> {
  const page = await (await connection()).request<{ items: T[] }>({
    method: 'GET',
    path: pathOf(resource, { namespace }),
    query: { fieldSelector },
  });
  return page.items;
}

export const jobsIn = (namespace: string) => list<V1Job>(JOBS, namespace);
export const podsIn = (namespace: string) => list<V1Pod>(PODS, namespace);

/** An Event as listed. */
export interface ToldEvent {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
}

export const eventsAbout = (namespace: string, name: string) =>
  list<ToldEvent>(EVENTS, namespace, `regarding.kind=${KIND},regarding.name=${name}`);

/** Looks again and again until what is seen holds. @throws with what was seen last */
export async function reached<T>(
  what: string,
  look: () => Promise<T>,
  holds: (seen: T) => boolean,
  seconds = 60,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${seconds} s. Last seen:\n${JSON.stringify(seen, null, 1)}`);
    }
    await sleep(150);
  }
}

/** Waits until an ImageSpec is as it should be. */
export function statusOf(
  namespace: string,
  name: string,
  what: string,
  holds: (shown: Shown) => boolean,
  seconds?: number,
): Promise<Shown> {
  return reached(`ImageSpec ${name} ${what}`, () => show(namespace, name), holds, seconds);
}

/** The reason and message of Ready and which of the two others is there, of the newest generation. */
export function conditionsOf({ metadata, status }: Shown) {
  const ready = conditionOf(status.conditions, 'Ready');
  return {
    ready: ready?.status,
    reason: ready?.reason ?? '',
    message: ready?.message ?? '',
    stalled: conditionOf(status.conditions, 'Stalled') !== undefined,
    reconciling: conditionOf(status.conditions, 'Reconciling') !== undefined,
    current:
      status.observedGeneration === metadata.generation && ready?.observedGeneration === metadata.generation,
  };
}

/** Waits until an ImageSpec is Ready; that it is Stalled ends the wait. */
export async function ready(namespace: string, name: string, seconds = 120): Promise<Shown> {
  const shown = await statusOf(
    namespace,
    name,
    'is Ready',
    (seen) => {
      const { current, ready: status, stalled } = conditionsOf(seen);
      return current && (status === 'True' || stalled);
    },
    seconds,
  );
  const { stalled, message } = conditionsOf(shown);
  if (stalled) throw new Error(`ImageSpec ${name} is Stalled instead of Ready: ${message}`);
  return shown;
}

/** Waits until the current generation has a reason. */
export function hasReason(namespace: string, name: string, reason: string, seconds?: number): Promise<Shown> {
  const holds = (seen: Shown) => {
    const found = conditionsOf(seen);
    return found.current && found.reason === reason;
  };
  return statusOf(namespace, name, `has reason ${reason}`, holds, seconds);
}

/** Keeps the uid and name of every Job that was ever in a namespace, however short. */
export async function watchJobs(
  namespace: string,
): Promise<{ seen: ReadonlyMap<string, string>; end(): void }> {
  const seen = new Map<string, string>();
  const stop = new AbortController();
  const stream = await (await connection()).stream({
    method: 'GET',
    path: pathOf(JOBS, { namespace }),
    query: { watch: true, resourceVersion: 0 },
    signal: stop.signal,
  });
  const follow = async () => {
    for await (const line of linesOf(stream, 16 * 1024 * 1024)) {
      const { object } = JSON.parse(line) as { object: V1Job };
      seen.set(object.metadata?.uid ?? '', object.metadata?.name ?? '');
    }
  };
  // It ends by being cut off.
  void follow().catch(() => {});
  return { seen, end: () => stop.abort() };
}

/** Runs an image in a Pod to its end and gives what it said. Without a command, the image's own entrypoint runs. */
export async function outputOf(
  namespace: string,
  image: string,
  more: { command?: string[]; args?: string[]; envFrom?: object[] } = {},
): Promise<string> {
  const name = `pod-${randomBytes(3).toString('hex')}`;
  const container = { name: 'one', image, ...more };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { restartPolicy: 'Never', enableServiceLinks: false, containers: [container] },
  };
  await kubectl(['create', '--filename', '-'], JSON.stringify(pod));
  const path = pathOf(PODS, { namespace, name });
  const look = async () => (await connection()).request<V1Pod>({ method: 'GET', path });
  const over = ({ status }: V1Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const { status } = await reached(`Pod of ${image} ends`, look, over, 60);
  const said = await kubectl(['logs', name, `--namespace=${namespace}`]);
  if (status?.phase !== 'Succeeded') throw new Error(`The Pod of ${image} failed:\n${said}`);
  return said;
}
