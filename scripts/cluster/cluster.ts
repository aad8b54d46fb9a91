/**
 * The local cluster, whichever way it is made on this machine: the demo, the tests and the command line all
 * come in here. There is one at a time, the same for every checkout.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  baseImage,
  buildkitImage,
  kanikoImage,
  operatorImage,
  pauseImage,
  uvImage,
} from '../images/images.ts';
import { cacheRoot } from './cache.ts';
import { programsOfNode } from './inside.ts';
import * as kind from './kind.ts';
import { exclusively } from './lock.ts';
import {
  nodeLeftovers,
  nodeReady,
  registryAnswers,
  startNode,
  startRegistry,
  stopNode,
  stopRegistry,
} from './node.ts';
import { buildkit, etcd, kaniko, kubernetes } from './parts.ts';
import { FOLDER, KUBECONFIG, KUBECTL, REGISTRY } from './place.ts';
import { installPackages, removeOurPolicy, type Way, wayHere } from './prerequisites.ts';
import { progress, say } from './progress.ts';
import { pushArchive } from './push.ts';
import { run } from './run.ts';

/** A cluster that runs. */
export interface Cluster {
  readonly kind: Way;
  /** Of its administrator, with the certificates inside. */
  readonly kubeconfig: string;
  readonly kubectl: string;
  /** Host and port as image names begin with it, plain HTTP: `10.200.0.2:5000`. */
  readonly registry: string;
  /** Host and port under which pods reach the same registry; only with kind another one. */
  readonly registryInCluster: string;
  /** A PEM file of the authorities this host trusts besides the public ones, if it has any. */
  readonly additionalCA: string | undefined;
}

/** How `up` may be shortened. */
export interface UpOptions {
  /** Leaves out the operator's image, which changes with every edit; see `pushOperator`. */
  readonly withoutOperator?: boolean;
}

const HOST_AUTHORITIES = '/usr/local/share/ca-certificates';

/** The certificates of the authorities this host trusts besides the public ones, as one PEM text. */
export function additionalCAs(): string | undefined {
  if (!existsSync(HOST_AUTHORITIES)) return undefined;
  const names = readdirSync(HOST_AUTHORITIES, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter((name) => name.endsWith('.crt')).map((name) => join(HOST_AUTHORITIES, name));
  return files.map((file) => `${readFileSync(file, 'utf8').trim()}\n`).join('') || undefined;
}

async function alone<T>(work: () => Promise<T>): Promise<T> {
  const waiting = () => say('Another command is at the cluster; waiting for it ...');
  return await exclusively(join(cacheRoot(), 'locks', 'cluster'), work, waiting);
}

function describe(way: Way): Cluster {
  const of = {
    node: {
      kubeconfig: KUBECONFIG,
      kubectl: KUBECTL,
      registry: REGISTRY,
      registryInCluster: REGISTRY,
    },
    kind: {
      kubeconfig: kind.KIND_KUBECONFIG,
      kubectl: kind.KIND_KUBECTL,
      registry: kind.KIND_REGISTRY,
      registryInCluster: kind.KIND_REGISTRY_IN_CLUSTER,
    },
  }[way];
  const ca = join(dirname(of.kubeconfig), 'additional-ca.crt');
  return { kind: way, ...of, additionalCA: existsSync(ca) ? ca : undefined };
}

/** The way of the cluster that was made on this machine, whether it still runs or not. */
function wayMade(): Way | undefined {
  if (existsSync(KUBECONFIG)) return 'node';
  return existsSync(kind.KIND_KUBECONFIG) ? 'kind' : undefined;
}

/** The cluster that runs on this machine and is ready for pods. */
export async function current(): Promise<Cluster | undefined> {
  const way = wayMade();
  if (!way) return undefined;
  return (await (way === 'node' ? nodeReady() : kind.kindRuns())) ? describe(way) : undefined;
}

/** Pushes what builds and pods of the cluster are made from; nothing is sent that is there already. */
async function pushImages(archives: readonly string[]): Promise<void> {
  const about = { title: 'Pushing images into the registry', usually: '5 s' };
  await progress(about, async () => {
    for (const archive of archives) await pushArchive(archive, REGISTRY);
  });
}

async function upNode(runs: boolean): Promise<void> {
  await installPackages();
  const compile = async () => ({
    kubernetes: await kubernetes(),
    etcd: await etcd(),
    buildkit: await buildkit(),
    kaniko: await kaniko(),
  });
  const [binaries, ...archives] = await Promise.all([compile(), baseImage(), uvImage(), pauseImage()]);
  archives.push(await buildkitImage(binaries.buildkit), await kanikoImage(binaries.kaniko));
  if (runs) {
    await startRegistry();
    return await pushImages(archives);
  }
  await stopNode(); // whatever a killed command or a reboot left
  const about = { title: 'Starting the node', usually: '15 s' };
  await progress(about, () => startNode(binaries, () => pushImages(archives)));
}

/**
 * Makes the cluster, or finds it made, and resolves when pods can be created in it.
 *
 * Whatever is left of an earlier one is removed first. Throws an Error with one sentence when this machine
 * lacks something.
 */
export async function up(options: UpOptions = {}): Promise<Cluster> {
  const cluster = await alone(async () => {
    const running = await current();
    const way = running?.kind ?? (await wayHere());
    if (running) say('The cluster already runs.');
    if (way === 'node') await upNode(running !== undefined);
    else if (!running) await kind.startKind();
    const authorities = additionalCAs();
    if (authorities)
      await writeFile(join(dirname(describe(way).kubeconfig), 'additional-ca.crt'), authorities);
    return describe(way);
  });
  if (!options.withoutOperator) await pushOperator();
  return cluster;
}

async function mustRun(): Promise<Cluster> {
  const cluster = await current();
  if (!cluster) throw new Error('No cluster runs; `npm run cluster -- up` starts one.');
  return cluster;
}

/**
 * Builds the operator's image from the sources as they are and pushes it as `imagespec/operator:dev`.
 *
 * Resolves with its reference, which ends with its digest: a Deployment that names it so is rolled out anew
 * after every change, and no node runs an older image of the same tag.
 */
export async function pushOperator(): Promise<string> {
  const { kind: way, registry } = await mustRun();
  if (way === 'kind') return await kind.pushOperatorWithDocker();
  return await pushArchive(await operatorImage((await buildkit()).buildctl), registry);
}

/** Brings the image of an OCI archive into the cluster; resolves with what pods call it. */
export async function load(archive: string): Promise<string> {
  const { kind: way, registry } = await mustRun();
  return way === 'kind' ? await kind.loadIntoKind(archive) : await pushArchive(archive, registry);
}

/** Makes the registry refuse connections. Its images stay. */
export async function registryStop(): Promise<void> {
  await alone(() => (wayMade() === 'kind' ? kind.stopKindRegistry() : stopRegistry()));
}

/** Starts the registry again; resolves when it answers. */
export async function registryStart(): Promise<void> {
  await alone(() => (wayMade() === 'kind' ? kind.startKindRegistry() : startRegistry()));
}

/** What the cluster is and how it fares, in lines for people; `ready` says whether pods can run in it. */
export async function status(): Promise<{ ready: boolean; lines: string[] }> {
  const way = wayMade();
  if (!way) return { ready: false, lines: ['No cluster. `npm run cluster -- up` starts one.'] };
  const { kubeconfig, kubectl, registry } = describe(way);
  const ready = (await current()) !== undefined;
  const ask = async (...args: string[]) => {
    const all = ['--kubeconfig', kubeconfig, '--request-timeout=5s', ...args];
    return (
      await run(kubectl, all).catch(() => ({ stdout: 'The API server does not answer.' }))
    ).stdout.trim();
  };
  const programs = way === 'node' ? await programsOfNode() : [];
  return {
    ready: ready && programs.every(({ runs }) => runs),
    lines: [
      `${way === 'kind' ? 'kind cluster' : 'single node'}, ${ready ? 'ready' : 'not ready'}`,
      await ask('version'),
      await ask('get', 'nodes', '--output=wide'),
      `registry ${registry} ${(await registryAnswers(registry)) ? 'answers' : 'does not answer'}`,
      ...programs.map(({ name, pid, runs }) => `${name} ${runs ? `runs (${pid})` : 'has ended'}`),
      `kubeconfig ${kubeconfig}`,
    ],
  };
}

/** Only root on Linux can have made a node here, or undo one. */
function nodePossible(): boolean {
  if (process.platform === 'linux' && process.getuid?.() === 0) return true;
  if (existsSync(FOLDER)) throw new Error('The cluster was made by root; run the command with sudo.');
  return false;
}

/** Removes the cluster, or whatever is left of one, and leaves the host as it was. */
export async function down(): Promise<void> {
  await alone(async () => {
    if (nodePossible()) {
      await removeOurPolicy();
      await stopNode();
    }
    if (existsSync(kind.KIND_FOLDER)) await kind.stopKind();
  });
}

/** Names everything of the cluster that is on this host; after `down` that is nothing. */
export async function leftovers(): Promise<string[]> {
  return [
    ...(nodePossible() ? await nodeLeftovers() : []),
    ...(existsSync(kind.KIND_FOLDER) ? await kind.kindLeftovers() : []),
  ];
}
