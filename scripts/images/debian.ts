/**
 * Debian trees: made by debootstrap, changed by commands inside them, and cleaned so that nothing of this
 * machine stays: no resolver, no host name, no certificate authority, no device, no log.
 *
 * All of it runs in mount and process namespaces of its own, so an interrupted step leaves no mounts.
 * Needs root and Debian's or Ubuntu's package `debootstrap`.
 */
import { chmod, copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { logFile } from '../cluster/cache.ts';
import { run } from '../cluster/run.ts';

/** The Debian release of all our images; `python:3.11-slim` and Node's own images are made from it too. */
export const RELEASE = 'bookworm';

const NAMESPACES = ['--mount', '--propagation=private', '--pid', '--fork', '--kill-child'];

/** The environment inside a tree: nothing of ours but the way out. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  DEBIAN_FRONTEND: 'noninteractive',
  ...Object.fromEntries(
    ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) =>
      process.env[name] ? [[name, process.env[name]]] : [],
    ),
  ),
};

/** What Debian's own container images set, because every build in a container wants it. */
const SETTINGS = {
  'etc/dpkg/dpkg.cfg.d/docker-apt-speedup': 'force-unsafe-io\n',
  'etc/dpkg/dpkg.cfg.d/docker': [
    ...['doc', 'man', 'info', 'locale'].map((folder) => `path-exclude /usr/share/${folder}/*\n`),
    'path-include /usr/share/doc/*/copyright\n',
  ].join(''),
  'etc/apt/apt.conf.d/docker-clean': [
    'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n',
    'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\n',
  ].join(''),
};

/** Fills the empty folder `tree` with a minimal Debian and these packages. */
export async function bootstrap(tree: string, packages: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('Making a Debian tree needs root.');
  const include = `--include=${packages.join(',')}`;
  await run(
    'unshare',
    [...NAMESPACES, '--mount-proc', 'debootstrap', '--variant=minbase', include, RELEASE, tree],
    { log: logFile('images'), env: { LC_ALL: 'C' } },
  );
  for (const [name, text] of Object.entries(SETTINGS)) await writeFile(join(tree, name), text);
  await clean(tree);
}

/** Runs a shell script inside the tree as root, with network, /dev and /proc, and without starting services. */
export async function inside(tree: string, script: string): Promise<void> {
  const policy = join(tree, 'usr/sbin/policy-rc.d');
  await writeFile(policy, '#!/bin/sh\nexit 101\n');
  await chmod(policy, 0o755);
  await copyFile('/etc/resolv.conf', join(tree, 'etc/resolv.conf'));
  const environment = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  const enter = 'cd "$1" && mount --rbind /dev dev && mount -t proc proc proc && shift && exec "$@"';
  await run(
    'unshare',
    [
      ...[...NAMESPACES, 'sh', '-c', enter, 'sh', tree],
      ...['env', '-i', ...environment, 'chroot', tree, 'sh', '-euc', script],
    ],
    { log: logFile('images') },
  );
  await rm(policy);
  await clean(tree);
}

/** Removes what a container image has no use for, and every trace of the machine that made the tree. */
async function clean(tree: string): Promise<void> {
  const emptied = ['dev', 'tmp', 'var/tmp', 'var/log', 'var/lib/apt/lists', 'var/cache/apt'];
  const useless = ['man', 'info', 'locale'].map((name) => `usr/share/${name}`);
  for (const name of [...emptied, ...useless]) {
    const folder = join(tree, name);
    await mkdir(folder, { recursive: true });
    for (const entry of await readdir(folder)) await rm(join(folder, entry), { recursive: true });
  }
  await mkdir(join(tree, 'var/cache/apt/archives/partial'), { recursive: true });
  await run('find', [join(tree, 'usr/share/doc'), '!', '-type', 'd', '!', '-name', 'copyright', '-delete']);
  for (const name of ['etc/hostname', 'etc/machine-id', 'var/cache/ldconfig/aux-cache']) {
    await rm(join(tree, name), { force: true });
  }
  await writeFile(join(tree, 'etc/resolv.conf'), '');
}
