/**
 * How long does it take from `kubectl apply` to Ready, and whose time is it?
 *
 * (a) the image is there already; (b) nothing is; (c) one package more than in (b); (d) the Dockerfile of
 * (b) in a Job written by hand, which is what the engine needs without us. All in one run on the local
 * cluster, with the operator as it is deployed there. Times are this program's own, taken when a watch
 * brings a change; where a step's own clock is better (prepare, build, verify) it is the status's.
 */
import { randomBytes } from 'node:crypto';
import { type Cluster, up } from '../scripts/cluster/cluster.ts';
import { installOperator, localSettings } from '../scripts/cluster/operator.ts';
import { run } from '../scripts/cluster/run.ts';
import { conditionOf } from '../src/api/conditions.ts';
import { type ImageSpec, parseImageSpec } from '../src/api/image-spec.ts';
import type { V1Job, V1Pod } from '../src/api/kubernetes.ts';
import { API_VERSION, KIND } from '../src/api/names.ts';
import { buildContextOf } from '../src/build/context.ts';
import { PATHS } from '../src/build/engine.ts';
import { ENGINES } from '../src/build/engines.ts';
import { targetOf } from '../src/image/target.ts';
import { type Connection, connect } from '../src/kube/connection.ts';
import { Reflector } from '../src/kube/reflector.ts';
import { IMAGE_SPECS, JOBS, PODS, pathOf, type Resource } from '../src/kube/resource.ts';
import { makeLog } from '../src/log.ts';
import { settingsSchema } from '../src/settings.ts';

const IMAGES_THERE = 100;
const NAMESPACE = `bench-${randomBytes(3).toString('hex')}`;
const BASE_SPEC = { pythonVersion: '3.11', packages: ['requests', 'pydantic'], aptPackages: ['hello'] };
const LONGEST_MS = 300_000;

/** When each object was first seen to be so, on `performance.now()`'s clock. */
interface Moments {
  job?: number;
  podStarted?: number;
  ready?: number;
}

class Stage {
  readonly moments = new Map<string, Moments>();
  readonly #connection: Connection;
  readonly #stop = new AbortController();
  readonly #waiting = new Map<string, () => void>();
  #specs: Reflector<ImageSpec> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async watch(): Promise<void> {
    const shared = { connection: this.#connection, log: makeLog('warn'), namespace: NAMESPACE };
    const at = (name: string) => {
      const found = this.moments.get(name) ?? {};
      this.moments.set(name, found);
      return found;
    };
    const ownerOf = new Map<string, string>();
    this.#specs = new Reflector({
      ...shared,
      resource: IMAGE_SPECS,
      parse: parseImageSpec,
      onChange: (key, _before, after) => {
        if (conditionOf(after?.status?.conditions, 'Ready')?.status !== 'True') return;
        const name = key.split('/')[1] ?? '';
        at(name).ready ??= performance.now();
        this.#waiting.get(name)?.();
      },
    });
    const jobs = new Reflector({
      ...shared,
      resource: JOBS,
      parse: (raw) => raw as unknown as V1Job,
      onChange: (_key, _before, after) => {
        const owner = after?.metadata?.ownerReferences?.[0]?.name ?? after?.metadata?.name ?? '';
        ownerOf.set(after?.metadata?.name ?? '', owner);
        at(owner).job ??= performance.now();
        const complete = after?.status?.conditions?.some(
          (one) => one.type === 'Complete' && one.status === 'True',
        );
        if (complete && owner === after?.metadata?.name) {
          at(owner).ready ??= performance.now();
          this.#waiting.get(owner)?.();
        }
      },
    });
    const pods = new Reflector({
      ...shared,
      resource: PODS,
      parse: (raw) => raw as unknown as V1Pod,
      onChange: (_key, _before, after) => {
        const owner = ownerOf.get(after?.metadata?.labels?.['batch.kubernetes.io/job-name'] ?? '');
        const [first] = after?.status?.initContainerStatuses ?? after?.status?.containerStatuses ?? [];
        if (owner !== undefined && (first?.state?.running || first?.state?.terminated))
          at(owner).podStarted ??= performance.now();
      },
    });
    for (const reflector of [this.#specs, jobs, pods]) {
      void reflector.run(this.#stop.signal);
      await reflector.synced();
    }
  }

  /** Creates an object and resolves once it is Ready (a Job: complete), with the moment it was created. */
  async create(
    resource: Resource,
    body: { metadata: { name: string } },
  ): Promise<{ begun: number; moments: Moments }> {
    const { name } = body.metadata;
    const done = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name} was not ready in time`)), LONGEST_MS);
      this.#waiting.set(name, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    const begun = performance.now();
    await this.#connection.request({
      method: 'POST',
      path: pathOf(resource, { namespace: NAMESPACE }),
      body,
    });
    await done;
    return { begun, moments: this.moments.get(name) ?? {} };
  }

  imageSpec(name: string, spec: object) {
    return this.create(IMAGE_SPECS, {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name },
      spec,
    } as never);
  }

  status(name: string) {
    return this.#specs?.get(`${NAMESPACE}/${name}`)?.status;
  }

  close(): void {
    this.#stop.abort();
  }
}

async function main(): Promise<void> {
  const cluster = await up({ withoutOperator: true });
  await installOperator(cluster);
  const kubectl = async (...args: string[]) =>
    (await run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, ...args])).stdout;
  const connection = await connect({ kubeconfig: cluster.kubeconfig });
  const stage = new Stage(connection);
  await kubectl('create', 'namespace', NAMESPACE);
  await kubectl('label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=privileged');
  try {
    await stage.watch();
    const rows: object[] = [await built(stage, kubectl, '(b) cold', 'cold', BASE_SPEC, `${NAMESPACE}-app`)];
    const more = { ...BASE_SPEC, packages: [...BASE_SPEC.packages, 'six'] };
    rows.push(await built(stage, kubectl, '(c) one package added', 'more', more, `${NAMESPACE}-app`));
    rows.push(await byHand(stage, cluster, connection));
    console.log(
      '\nSeconds from apply to Ready, by whose they are (status: the step’s own clock; watch: ours)',
    );
    console.table(rows);
    await alreadyThere(stage, kubectl);
  } finally {
    stage.close();
    await kubectl('delete', 'namespace', NAMESPACE, '--wait=false');
    await connection.close();
  }
}

type Kubectl = (...args: string[]) => Promise<string>;
const seconds = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms / 10) / 100);

async function built(
  stage: Stage,
  kubectl: Kubectl,
  title: string,
  name: string,
  spec: object,
  repository: string,
) {
  console.log(`${title} ...`);
  const { begun, moments } = await stage.imageSpec(name, { ...spec, name: repository });
  const build = stage.status(name)?.build;
  const log = await kubectl('-n', NAMESPACE, 'logs', `job/${build?.jobName}`, '-c', 'build');
  const push = [...log.matchAll(/pushing (?:layers|manifest for \S+) ([0-9.]+)s done/g)].reduce(
    (sum, one) => sum + Number(one[1]),
    0,
  );
  const total = (moments.ready ?? begun) - begun;
  const own = build?.seconds?.build ?? 0;
  return {
    case: title,
    total: seconds(total),
    'Job created': seconds((moments.job ?? begun) - begun),
    'pod started': seconds((moments.podStarted ?? begun) - (moments.job ?? begun)),
    prepare: build?.seconds?.prepare,
    'build with push': own,
    'of it push': Math.round(push * 100) / 100,
    verify: build?.seconds?.verify,
    'not the engine': seconds(total - own * 1000),
  };
}

/** The same Dockerfile, engine and arguments in a Job somebody wrote: no prepare, no verify, no operator. */
async function byHand(stage: Stage, cluster: Cluster, connection: Connection) {
  console.log('(d) a Job written by hand ...');
  const settings = settingsSchema.parse(await localSettings(cluster));
  const spec = { ...BASE_SPEC, name: `${NAMESPACE}-hand` };
  const judged = targetOf(
    { metadata: { name: 'hand', namespace: NAMESPACE, uid: '', generation: 1, resourceVersion: '' }, spec },
    settings,
  );
  const context = judged.ok ? buildContextOf(judged.target, settings) : undefined;
  if (!judged.ok || !context?.ok) throw new Error('the spec of the bench does not fit');
  const engine = ENGINES.BuildKit;
  const base = `${cluster.registry}/library/python:3.11-slim`;
  const files: Record<string, string> = { ...engine.files(context.context, { base, user: '0:0' }) };
  for (const [path, text] of Object.entries(context.context.files)) files[`context/${path}`] = text;
  files['context/Dockerfile'] = context.context.dockerfile;
  files['ca.crt'] = context.context.caBundle ?? '';
  const keys = Object.keys(files);
  const map = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'hand' },
    binaryData: Object.fromEntries(
      keys.map((key, index) => [`file-${index}`, Buffer.from(files[key] ?? '').toString('base64')]),
    ),
  };
  await connection.request({
    method: 'POST',
    path: pathOf({ apiVersion: 'v1', plural: 'configmaps' }, { namespace: NAMESPACE }),
    body: map,
  });
  const part = engine.part(judged.target.builder, context.context);
  const image = part.container.image;
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'hand' },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          initContainers: [
            // Links of a ConfigMap volume do not survive a build context.
            {
              name: 'copy',
              image,
              securityContext: part.container.securityContext,
              command: ['sh', '-c', `mkdir -p ${PATHS.times} ${PATHS.auth}; cp -rL /files/. ${PATHS.work}/`],
              volumeMounts: [
                { name: 'files', mountPath: '/files' },
                { name: 'work', mountPath: '/imagespec' },
              ],
            },
          ],
          containers: [
            {
              name: 'build',
              ...part.container,
              volumeMounts: [
                { name: 'work', mountPath: '/imagespec' },
                ...(part.container.volumeMounts ?? []),
              ],
            },
          ],
          volumes: [
            {
              name: 'files',
              configMap: {
                name: 'hand',
                items: keys.map((key, index) => ({ key: `file-${index}`, path: key })),
              },
            },
            { name: 'work', emptyDir: {} },
            ...part.volumes,
          ],
        },
      },
    },
  };
  const { begun, moments } = await stage.create(JOBS, job);
  return {
    case: '(d) by hand',
    total: seconds((moments.ready ?? begun) - begun),
    'pod started': seconds((moments.podStarted ?? begun) - (moments.job ?? begun)),
  };
}

async function alreadyThere(stage: Stage, kubectl: Kubectl): Promise<void> {
  console.log(
    `\n(a) the image is there: ${IMAGES_THERE} ImageSpecs one after another, then ${IMAGES_THERE} at once`,
  );
  const spec = { ...BASE_SPEC, name: `${NAMESPACE}-app` };
  const jobsBefore = JSON.parse(await kubectl('-n', NAMESPACE, 'get', 'jobs', '-o', 'json')).items.length;
  const memory = [await residentMiB(kubectl)];
  const writesBefore = await writes(kubectl);
  const each: number[] = [];
  for (let n = 0; n < IMAGES_THERE; n += 1) {
    const { begun, moments } = await stage.imageSpec(`there-${n}`, spec);
    each.push((moments.ready ?? begun) - begun);
  }
  await settle();
  memory.push(await residentMiB(kubectl));
  const made = (await writes(kubectl)) - writesBefore;
  const together = await Promise.all(
    Array.from({ length: IMAGES_THERE }, async (_, n) => {
      const { begun, moments } = await stage.imageSpec(`crowd-${n}`, spec);
      return (moments.ready ?? begun) - begun;
    }),
  );
  await settle();
  memory.push(await residentMiB(kubectl));
  const jobs =
    JSON.parse(await kubectl('-n', NAMESPACE, 'get', 'jobs', '-o', 'json')).items.length - jobsBefore;
  console.table([
    {
      case: 'one after another',
      p50: `${quantile(each, 0.5)} ms`,
      p95: `${quantile(each, 0.95)} ms`,
      most: `${quantile(each, 1)} ms`,
    },
    {
      case: 'at once',
      p50: `${quantile(together, 0.5)} ms`,
      p95: `${quantile(together, 0.95)} ms`,
      most: `${quantile(together, 1)} ms`,
    },
  ]);
  console.log(
    `API writes of the operator for each: ${(made / IMAGES_THERE).toFixed(2)} (status and Events); Jobs: ${jobs}`,
  );
  console.log(
    `Operator's resident memory: ${memory[0]} MiB before, ${memory[1]} MiB with ${IMAGES_THERE} ImageSpecs more, ${memory[2]} MiB with ${2 * IMAGES_THERE} more`,
  );
}

/** Events are written a moment after the status. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 3000));

async function residentMiB(kubectl: Kubectl): Promise<number> {
  const text = await kubectl(
    'get',
    '--raw',
    '/api/v1/namespaces/imagespec-system/services/imagespec-operator-metrics:http/proxy/metrics',
  );
  return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 2 ** 20);
}

/** Writes of ImageSpec statuses and of Events, as the API server counts them. */
async function writes(kubectl: Kubectl): Promise<number> {
  const text = await kubectl('get', '--raw', '/metrics');
  return text
    .split('\n')
    .filter(
      (line) => line.startsWith('apiserver_request_total{') && /verb="(POST|PATCH|APPLY|PUT)"/.test(line),
    )
    .filter(
      (line) =>
        (/resource="imagespecs"/.test(line) && /subresource="status"/.test(line)) ||
        /group="events.k8s.io".*resource="events"/.test(line),
    )
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

function quantile(list: readonly number[], q: number): number {
  const sorted = list.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? 0);
}

await main();
