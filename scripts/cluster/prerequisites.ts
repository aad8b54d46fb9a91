/**
 * Which of the two ways to a cluster this machine can go, and what it lacks: one sentence with the command
 * that gets it. Debian packages are not asked for but installed.
 */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { logFile } from './cache.ts';
import { progress, say } from './progress.ts';
import { run } from './run.ts';

/** kind in Docker, or a node of our own on this host. */
export type Way = 'kind' | 'node';

/** The kind whose loader checks `kind-config.yaml` in the tests. */
export const KIND_VERSION = 'v0.33.0';

const GO_MINOR = 26;

/** What the node runs, and what makes its images. */
const PACKAGES = [
  'ca-certificates',
  'containerd',
  'containernetworking-plugins',
  'debootstrap',
  'docker-registry',
  'iproute2',
  'iptables',
  'openssl',
  'python3-pip',
  'runc',
];

const POLICY = '/usr/sbin/policy-rc.d';
const OUR_POLICY =
  '#!/bin/sh\n# imagespec-operator: the packages of its local cluster start nothing\nexit 101\n';

/** Whether a program of this name can be started. */
export function onPath(program: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.some((folder) => existsSync(join(folder, program)));
}

async function answers(command: string, ...args: string[]): Promise<string | undefined> {
  return await run(command, args).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

async function goIsRecent(): Promise<boolean> {
  const version = /^go1\.(\d+)/.exec((await answers('go', 'env', 'GOVERSION')) ?? '');
  return Number(version?.[1] ?? 0) >= GO_MINOR;
}

async function missingForNode(): Promise<string[]> {
  if (process.platform !== 'linux') return ['Linux'];
  const missing: string[] = [];
  if (process.getuid?.() !== 0) missing.push('root (run the command with sudo)');
  if (!(await goIsRecent())) missing.push(`Go 1.${GO_MINOR} or newer on PATH (https://go.dev/dl)`);
  if (!onPath('apt-get')) missing.push('Debian or Ubuntu with apt-get');
  return missing;
}

/** The way this machine can go. Throws an Error whose message says what is missing and how to get it. */
export async function wayHere(): Promise<Way> {
  if ((await answers('docker', 'info')) !== undefined) {
    const missing = [
      onPath('kind') ? [] : [`kind (go install sigs.k8s.io/kind@${KIND_VERSION})`],
      onPath('kubectl') ? [] : ['kubectl (https://kubernetes.io/docs/tasks/tools)'],
    ].flat();
    if (missing.length === 0) return 'kind';
    throw new Error(
      `Docker runs, so the cluster is made with kind; missing on PATH: ${missing.join(' and ')}.`,
    );
  }
  const missing = await missingForNode();
  if (missing.length === 0) return 'node';
  throw new Error(
    'A local cluster needs a running Docker (https://docs.docker.com/get-started/get-docker; `docker info` ' +
      `has to succeed), or else Linux with root and Go; for the second way this machine lacks ${missing.join(', ')}.`,
  );
}

async function isInstalled(name: string): Promise<boolean> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder is dpkg's
  return (await answers('dpkg-query', '--show', '--showformat=${db:Status-Status}', name)) === 'installed';
}

/** Removes our policy-rc.d, also the one that a killed command left. */
export async function removeOurPolicy(): Promise<void> {
  if (existsSync(POLICY) && (await readFile(POLICY, 'utf8')) === OUR_POLICY) await rm(POLICY);
}

/**
 * Installs the Debian packages of the single node that are not there, after saying so; starts no daemon.
 *
 * @param more further packages, for the tests
 */
export async function installPackages(more: readonly string[] = []): Promise<void> {
  const wanted = [...PACKAGES, ...more];
  const installed = await Promise.all(wanted.map(isInstalled));
  const missing = wanted.filter((_, position) => !installed[position]);
  if (missing.length === 0) return;
  say(`Installing Debian packages with apt-get: ${missing.join(' ')}`);
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, log: logFile('apt-get') };
  try {
    if (!existsSync(POLICY)) await writeFile(POLICY, OUR_POLICY, { mode: 0o755 });
    await progress({ title: 'Installing Debian packages', usually: '1 min' }, async () => {
      await run('apt-get', ['update', '--quiet'], options);
      await run('apt-get', ['install', '--yes', '--quiet', '--no-install-recommends', ...missing], options);
    });
  } finally {
    await removeOurPolicy();
  }
}
