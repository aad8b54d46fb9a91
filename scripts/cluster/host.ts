/**
 * What the single node changes on the host, and how it is undone.
 *
 * The node lives in namespaces of its own; on the host there are only a cable, three iptables rules, a few
 * sysctls and a cgroup. What a sysctl was before is noted before anything changes, so that a later command
 * can put it back after a killed one. Everything else is found by its name.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CGROUP, HOST_ADDRESS, inFolder, LINK, NETWORK, NETWORK_NAMESPACE, NODE_ADDRESS } from './place.ts';
import { onPath } from './prerequisites.ts';
import { run } from './run.ts';

/** Set by the kubelet, which never restores them (setupKernelTunables in its container manager), or by us. */
const SYSCTLS = [
  'net/ipv4/ip_forward',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

const NAMESPACES = '/run/netns';
const NOTE = inFolder('host-before.json');
const RMDIR_TRIES = 50;

interface Note {
  /** A note from before a reboot is worth nothing: the sysctls are the machine's own again. */
  readonly boot: string;
  readonly sysctls: Readonly<Record<string, string>>;
}

const ip = (...args: string[]) => run('ip', args);
const inNetwork = (...args: string[]) => run('ip', ['-n', NETWORK_NAMESPACE, ...args]);
const iptables = (...args: string[]) => run('iptables', ['-w', ...args]);

async function readTrimmed(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

const bootId = () => readTrimmed('/proc/sys/kernel/random/boot_id');

async function readSysctls(): Promise<Record<string, string>> {
  const present = SYSCTLS.filter((name) => existsSync(join('/proc/sys', name)));
  const values = present.map(async (name) => [name, await readTrimmed(join('/proc/sys', name))] as const);
  return Object.fromEntries(await Promise.all(values));
}

async function noteBefore(): Promise<Note | undefined> {
  const note = existsSync(NOTE) ? (JSON.parse(await readFile(NOTE, 'utf8')) as Note) : undefined;
  return note?.boot === (await bootId()) ? note : undefined;
}

async function cgroups(): Promise<string[]> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  return mounts
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, folder]) => join(folder ?? '', CGROUP));
}

async function makeCgroups(): Promise<void> {
  for (const cgroup of await cgroups()) {
    const controllers = join(cgroup, '..', 'cgroup.controllers'); // only in cgroup v2
    if (existsSync(controllers)) {
      const enable = (await readTrimmed(controllers)).split(' ').filter(Boolean);
      const parent = join(cgroup, '..', 'cgroup.subtree_control');
      for (const name of enable) await writeFile(parent, `+${name}`).catch(() => {}); // not every one can be
    }
    await mkdir(cgroup, { recursive: true });
  }
}

async function removeCgroup(cgroup: string): Promise<void> {
  const children = (await readdir(cgroup, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  for (const { name } of children) await removeCgroup(join(cgroup, name));
  for (let tries = 1; ; tries += 1) {
    try {
      return await rmdir(cgroup);
    } catch (error) {
      if (tries === RMDIR_TRIES) throw new Error(`The cgroup ${cgroup} is still in use.`, { cause: error });
      await setTimeout(100); // the kernel takes its time to let go of processes that have ended
    }
  }
}

async function ourRules(): Promise<{ table: string; rule: string[] }[]> {
  const rules: { table: string; rule: string[] }[] = [];
  if (!onPath('iptables')) return rules;
  for (const table of ['filter', 'nat']) {
    for (const line of (await iptables('-t', table, '-S')).stdout.split('\n')) {
      const words = line.split(' ');
      if (words.includes(LINK)) rules.push({ table, rule: words });
    }
  }
  return rules;
}

/** Notes what the host was, then gives the node its network and cgroup. */
export async function prepareHost(): Promise<void> {
  const note: Note = { boot: await bootId(), sysctls: await readSysctls() };
  await writeFile(`${NOTE}.new`, JSON.stringify(note, null, 2));
  await rename(`${NOTE}.new`, NOTE); // whole or not there
  await ip('netns', 'add', NETWORK_NAMESPACE);
  await ip('link', 'add', LINK, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', NETWORK_NAMESPACE);
  await ip('address', 'add', `${HOST_ADDRESS}/24`, 'dev', LINK);
  await ip('link', 'set', LINK, 'up');
  await inNetwork('link', 'set', 'lo', 'up');
  await inNetwork('address', 'add', `${NODE_ADDRESS}/24`, 'dev', 'eth0');
  await inNetwork('link', 'set', 'eth0', 'up');
  await inNetwork('route', 'add', 'default', 'via', HOST_ADDRESS);
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  await iptables('-t', 'nat', '-A', 'POSTROUTING', '-s', NETWORK, '!', '-o', LINK, '-j', 'MASQUERADE');
  await iptables('-I', 'FORWARD', '1', '-i', LINK, '-j', 'ACCEPT');
  await iptables('-I', 'FORWARD', '1', '-o', LINK, '-j', 'ACCEPT');
  await makeCgroups();
}

/** `ip netns` mounts its folder when it makes the first namespace, and leaves it after the last. */
async function removeEmptyNamespaces(): Promise<void> {
  if (!existsSync(NAMESPACES) || (await readdir(NAMESPACES)).length > 0) return;
  const mounts = await readFile('/proc/mounts', 'utf8');
  if (mounts.includes(` ${NAMESPACES} `)) await run('umount', [NAMESPACES]);
  await rmdir(NAMESPACES);
}

/** Undoes whatever of `prepareHost` is there. The node's processes must have ended. */
export async function restoreHost(): Promise<void> {
  if (existsSync(`/sys/class/net/${LINK}`)) await ip('link', 'delete', LINK);
  if (existsSync(join(NAMESPACES, NETWORK_NAMESPACE))) await ip('netns', 'delete', NETWORK_NAMESPACE);
  await removeEmptyNamespaces();
  for (const { table, rule } of await ourRules()) {
    await iptables('-t', table, ...rule.map((word) => (word === '-A' ? '-D' : word)));
  }
  for (const cgroup of await cgroups()) if (existsSync(cgroup)) await removeCgroup(cgroup);
  const before = await noteBefore();
  for (const [name, value] of Object.entries(before?.sysctls ?? {})) {
    await writeFile(join('/proc/sys', name), value);
  }
}

/** Names everything of ours that is still on the host, sysctls included as long as their note is there. */
export async function hostLeftovers(): Promise<string[]> {
  const found: string[] = [];
  if (existsSync(`/sys/class/net/${LINK}`)) found.push(`interface ${LINK}`);
  if (existsSync(join(NAMESPACES, NETWORK_NAMESPACE))) found.push(`network namespace ${NETWORK_NAMESPACE}`);
  for (const { table, rule } of await ourRules()) found.push(`iptables -t ${table} ${rule.join(' ')}`);
  for (const cgroup of await cgroups()) if (existsSync(cgroup)) found.push(`cgroup ${cgroup}`);
  const before = (await noteBefore())?.sysctls ?? {};
  for (const [name, value] of Object.entries(await readSysctls())) {
    if ((before[name] ?? value) !== value) found.push(`sysctl ${name} is ${value}, was ${before[name]}`);
  }
  return found;
}
