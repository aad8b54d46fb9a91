/**
 * The single node: a real Kubernetes in namespaces of its own, on a Linux host with root.
 *
 * Here is the order in which it comes up and goes down; a node that was left half way is ended the same
 * way as a whole one.
 */
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeConfiguration } from './configuration.ts';
import { API_SERVER_PROGRAM, CLIENTS, FOUNDATION, kubeconfigOf, NODE_AND_CONTROLLERS } from './daemons.ts';
import { hostLeftovers, prepareHost, restoreHost } from './host.ts';
import { endAll, logOf, processesInNetwork, programsOfNode, start, startFirst, stop } from './inside.ts';
import { KUBERNETES_PROGRAMS } from './parts.ts';
import { certificates, writeKubeconfig } from './pki.ts';
import * as place from './place.ts';
import { until } from './programs.ts';
import { run } from './run.ts';

const ANSWER_MS = 90_000;

/** The last lines of every program that has ended, as a reason for what did not happen. */
async function whatEnded(): Promise<string> {
  const ended = (await programsOfNode()).filter(({ runs }) => !runs);
  const stories = ended.map(async ({ name }) => {
    const lines = (await readFile(logOf(name), 'utf8').catch(() => '')).trimEnd().split('\n');
    return [`${name} has ended; the end of ${logOf(name)}:`, ...lines.slice(-10)].join('\n');
  });
  return (await Promise.all(stories)).join('\n');
}

/** Waits for a part of the node, but not longer than all its programs run. */
async function untilHere(what: string, condition: () => Promise<boolean>): Promise<void> {
  try {
    await until(what, ANSWER_MS, async () => {
      if (await condition()) return true;
      if ((await programsOfNode()).some(({ runs }) => !runs)) throw new Error(`No sign of ${what}.`);
      return false;
    });
  } catch (error) {
    const reason = (await whatEnded()) || `The logs are in ${place.inFolder('log')}.`;
    throw new Error(`The node did not start. ${(error as Error).message}\n${reason}`, { cause: error });
  }
}

/** Asks the node's API server with kubectl; undefined when it does not answer, or does not have it. */
async function ask(...args: string[]): Promise<string | undefined> {
  const all = ['--kubeconfig', place.KUBECONFIG, '--request-timeout=5s', ...args];
  return await run(place.KUBECTL, all).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}

/** Whether Kubernetes calls the node Ready. */
export async function nodeReady(): Promise<boolean> {
  const path = '{.status.conditions[?(@.type=="Ready")].status}';
  return (await ask('get', 'node', place.NODE, `--output=jsonpath=${path}`)) === 'True';
}

/** Whether a registry answers; without an argument, the node's. */
export async function registryAnswers(registry: string = place.REGISTRY): Promise<boolean> {
  const answer = fetch(`http://${registry}/v2/`, { signal: AbortSignal.timeout(2_000) });
  return await answer.then(
    (response) => response.ok,
    () => false,
  );
}

/** Kills the node's registry, so that connections to it are refused. Its images stay. */
export async function stopRegistry(): Promise<void> {
  await stop('registry');
}

/** Starts the node's registry if it does not run; returns when it answers. */
export async function startRegistry(): Promise<void> {
  const { registry = [] } = FOUNDATION;
  const runs = (await programsOfNode()).some(({ name, runs }) => name === 'registry' && runs);
  if (!runs) await start({ registry });
  await untilHere('the registry', () => registryAnswers());
}

/** The node keeps its own programs; a hard link costs nothing, but does not reach another disk. */
async function placePrograms({ kubernetes, etcd }: { kubernetes: string; etcd: string }): Promise<void> {
  await mkdir(place.inFolder('bin'));
  const keep = async (file: string, name: string) =>
    await link(file, place.program(name)).catch(() => copyFile(file, place.program(name)));
  await keep(etcd, 'etcd');
  await keep(join(kubernetes, 'kubernetes'), 'kubernetes');
  for (const name of KUBERNETES_PROGRAMS) await symlink('kubernetes', place.program(name));
  await symlink(join('bin', 'kubernetes'), place.KUBECTL);
}

async function writeCertificates(): Promise<void> {
  const folder = place.inFolder('pki');
  await certificates(folder, place.NODE_ADDRESS, place.NODE);
  await mkdir(place.inFolder('kubeconfigs'), { mode: 0o700 });
  for (const client of CLIENTS) await writeKubeconfig(kubeconfigOf(client), folder, client, place.API_SERVER);
  await writeKubeconfig(place.KUBECONFIG, folder, 'admin', place.API_SERVER);
}

/**
 * Starts the node from the compiled `binaries`: the folder of Kubernetes and the file of etcd.
 *
 * `withRegistry` runs once the registry answers, before any pod can start: it brings the pause image.
 * Returns when the node is Ready and pods can be created in the namespace `default`.
 */
export async function startNode(
  binaries: { kubernetes: string; etcd: string },
  withRegistry: () => Promise<void>,
): Promise<void> {
  await mkdir(place.FOLDER, { recursive: true });
  await prepareHost();
  await Promise.all([placePrograms(binaries), writeConfiguration(), writeCertificates()]);
  await startFirst();
  await start({ ...FOUNDATION, ...API_SERVER_PROGRAM });
  await untilHere('the registry', () => registryAnswers());
  await withRegistry();
  await untilHere('the API server', async () => (await ask('get', '--raw', '/readyz')) === 'ok');
  await start(NODE_AND_CONTROLLERS);
  await untilHere('a Ready node', nodeReady);
  const account = () => ask('get', 'serviceaccount', 'default', '--output=name');
  await untilHere('the ServiceAccount default', async () => (await account()) !== undefined);
}

async function mountsInFolder(): Promise<string[]> {
  const places = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
  return places.filter((mounted) => mounted.startsWith(`${place.FOLDER}/`));
}

/** Ends the node, or whatever is left of one, and leaves the host as it was. */
export async function stopNode(): Promise<void> {
  await endAll();
  await restoreHost();
  const mounted = await mountsInFolder();
  if (mounted.length > 0) throw new Error(`Still mounted, so ${place.FOLDER} stays: ${mounted.join(' ')}`);
  await rm(place.FOLDER, { recursive: true, force: true });
}

/** Names everything of the node that is on this host: processes, mounts, network, rules, cgroups, files. */
export async function nodeLeftovers(): Promise<string[]> {
  const running = (await programsOfNode()).filter(({ runs }) => runs);
  const files = existsSync(place.FOLDER) ? await readdir(place.FOLDER) : [];
  return [
    ...running.map(({ name, pid }) => `process ${name} (${pid})`),
    ...(await processesInNetwork()).map(({ pid }) => `process ${pid} in the node's network`),
    ...(await mountsInFolder()).map((mounted) => `mount ${mounted}`),
    ...(await hostLeftovers()),
    ...(existsSync(place.FOLDER) ? [`folder ${place.FOLDER} with ${files.length} entries`] : []),
  ];
}
