/**
 * `npm run demo`: from nothing to a Pod that runs an image nobody wrote a Dockerfile for.
 *
 * Cluster and operator stay up afterwards. Every step says what it does; one that fails says where to look.
 */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Cluster } from './cluster/cluster.ts';
import { up } from './cluster/cluster.ts';
import { installOperator } from './cluster/operator.ts';
import { run } from './cluster/run.ts';

const NAMESPACE = 'imagespec-demo';
const SAMPLE = 'manifests/samples/hello.yaml';
const BUILD_MINUTES = 10;

const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
if (values.help) {
  console.log(
    'usage: npm run demo\n\nStarts a local cluster with the operator, builds a sample image and runs a Pod from it.',
  );
  process.exit(0);
}

let step = 'Starting';
function begin(title: string): void {
  step = title;
  console.log(`\n== ${title}`);
}

interface Seen {
  readonly image?: string;
  readonly resolvedImage?: string;
  readonly conditions?: { type: string; status: string; reason: string; message: string }[];
  readonly build?: { jobName: string; seconds?: Record<string, number> };
  readonly lastFailure?: { message: string };
}

async function demo(cluster: Cluster): Promise<void> {
  const kubectl = async (...args: string[]) =>
    (await run(cluster.kubectl, args, { env: { KUBECONFIG: cluster.kubeconfig } })).stdout.trim();
  const inDemo = (...args: string[]) => kubectl('-n', NAMESPACE, ...args);
  const statusOf = async (name: string): Promise<Seen> =>
    JSON.parse((await inDemo('get', 'imagespec', name, '-o', 'jsonpath={.status}')) || '{}');

  begin('Operator: kubectl apply --server-side -k manifests/default, with settings for this cluster');
  await installOperator(cluster);
  console.log(await kubectl('-n', 'imagespec-system', 'get', 'deployment'));

  begin(`An ImageSpec: kubectl apply -f ${SAMPLE}`);
  await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found');
  await kubectl('create', 'namespace', NAMESPACE);
  // Rootless BuildKit needs it; the operator itself runs in a namespace that is restricted.
  await kubectl('label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=privileged');
  await inDemo('apply', '-f', SAMPLE);
  const first = await ready('hello', statusOf);
  console.log(await inDemo('get', 'imagespec', '-o', 'wide'));

  begin('A Pod from status.resolvedImage');
  const script =
    'python -c "import requests, pydantic; print(requests.__version__, pydantic.VERSION)"; hello; echo "$GREETING"';
  await inDemo(
    'run',
    'hello',
    `--image=${first.resolvedImage}`,
    '--restart=Never',
    '--command',
    '--',
    'sh',
    '-c',
    script,
  );
  await inDemo('wait', 'pod/hello', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=120s');
  console.log(await inDemo('logs', 'hello'));

  begin('A second ImageSpec of the same content');
  const again = {
    apiVersion: 'imagespec.dev/v1alpha1',
    kind: 'ImageSpec',
    metadata: { name: 'hello-again' },
  };
  const spec = JSON.parse(await inDemo('get', 'imagespec', 'hello', '-o', 'jsonpath={.spec}'));
  const jobs = await inDemo('get', 'jobs', '-o', 'name');
  await run(cluster.kubectl, ['-n', NAMESPACE, 'apply', '-f', '-'], {
    env: { KUBECONFIG: cluster.kubeconfig },
    input: JSON.stringify({ ...again, spec: { ...spec, name: 'hello' } }),
  });
  const second = await ready('hello-again', statusOf);
  if (second.resolvedImage !== first.resolvedImage) throw new Error(`another image: ${second.resolvedImage}`);
  if ((await inDemo('get', 'jobs', '-o', 'name')) !== jobs)
    throw new Error('it started a Job, and should not have');
  console.log('The same image, and no Job was started.');

  console.log(`
Shown: ${SAMPLE} became ${first.image},
pinned by digest in its status, and a Pod ran it. The same content again needed no build.

Cluster and operator stay up. To use them:
  export KUBECONFIG=${cluster.kubeconfig} PATH=${dirname(cluster.kubectl)}:$PATH
Then try:
  kubectl explain imagespec.spec
  kubectl -n ${NAMESPACE} describe imagespec hello
  kubectl -n ${NAMESPACE} edit imagespec hello        # add a package; misspell one
  kubectl -n ${NAMESPACE} get imagespec -w
  kubectl -n ${NAMESPACE} logs job/${first.build?.jobName ?? '<status.build.jobName>'} -c build
Remove everything:
  npm run cluster -- down`);
}

/** Waits for Ready, telling what happens meanwhile. */
async function ready(name: string, statusOf: (name: string) => Promise<Seen>): Promise<Seen> {
  const begun = performance.now();
  let told = '';
  for (;;) {
    const status = await statusOf(name);
    const condition = status.conditions?.find((one) => one.type === 'Ready');
    const line = condition ? `${condition.reason}: ${condition.message}` : 'not seen by the operator yet';
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    if (line !== told) console.log(`${seconds.padStart(6)} s  ${line}`);
    told = line;
    if (condition?.status === 'True') {
      const times = Object.entries(status.build?.seconds ?? {}).map(([part, time]) => `${part} ${time} s`);
      if (times.length > 0) console.log(`          the build: ${times.join(', ')}`);
      return status;
    }
    if (status.conditions?.some((one) => one.type === 'Stalled')) {
      throw new Error(`${name} stalled: ${line}\n${status.lastFailure?.message ?? ''}`);
    }
    if (performance.now() - begun > BUILD_MINUTES * 60_000)
      throw new Error(`${name} is not ready after ${BUILD_MINUTES} minutes: ${line}`);
    await sleep(500);
  }
}

try {
  begin('Cluster (the first time about 15 minutes: Kubernetes is compiled)');
  const cluster = await up({ withoutOperator: true });
  await demo(cluster);
} catch (error) {
  console.error(`\nThe demo failed at: ${step}\n${error instanceof Error ? error.message : error}`);
  console.error(`
Where to look:
  npm run cluster -- status
  kubectl -n imagespec-system logs deployment/imagespec-operator
  kubectl -n ${NAMESPACE} describe imagespecs,jobs,pods
(kubectl lies beside the path that "npm run cluster -- kubeconfig" prints)`);
  process.exit(1);
}
