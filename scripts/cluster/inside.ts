/**
 * The inside of the single node: its first process, and the programs started beside it.
 *
 * The first process holds the namespaces and reaps orphans. Ending it ends everything inside, mounts
 * included. What was started is written down at once, so that another command can end it.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { FOLDER, inFolder, NETWORK_NAMESPACE } from './place.ts';
import {
  alive,
  childrenOf,
  end,
  identify,
  innerPid,
  type Started,
  startDetached,
  until,
} from './programs.ts';
import { run } from './run.ts';

/** By name; `first` is the first process and `holder` the `unshare` that made its namespaces. */
type Processes = Readonly<Record<string, Started>>;

const RECORD = inFolder('processes.json');
const START_MS = 10_000;

/**
 * /run, /var/log and /var/lib are the node's own, so that nothing is left in the host's; the folder of the
 * node stays where it is, and names are resolved by servers that can be reached from in here.
 */
const ARRANGE_MOUNTS = `
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/log
own=${inFolder('var-lib')}
mkdir -p "$own/${basename(FOLDER)}"
mount --bind ${FOLDER} "$own/${basename(FOLDER)}"
mount --rbind "$own" /var/lib
resolv=$(readlink -m /etc/resolv.conf)
mkdir -p "\${resolv%/*}"
[ -e "$resolv" ] || : > "$resolv"
mount --bind ${inFolder('resolv.conf')} "$resolv"
`;

/** Starts a program in a session of its own, with nothing of our environment, and tells its id inside. */
const START_PROGRAM = 'setsid env -i PATH="$PATH" HOME=/ "$@" >>"$0" 2>&1 </dev/null & echo $!';

/** Where a program of the node writes. */
export function logOf(name: string): string {
  return inFolder('log', `${name}.log`);
}

async function processes(): Promise<Processes> {
  return existsSync(RECORD) ? (JSON.parse(await readFile(RECORD, 'utf8')) as Processes) : {};
}

async function record(started: Processes): Promise<void> {
  await writeFile(`${RECORD}.new`, JSON.stringify({ ...(await processes()), ...started }, null, 2));
  await rename(`${RECORD}.new`, RECORD);
}

/** Makes the node's namespaces. Its network namespace must be there. */
export async function startFirst(): Promise<void> {
  await mkdir(inFolder('log'), { recursive: true });
  const holder = await startDetached(
    [
      ...['nsenter', `--net=/run/netns/${NETWORK_NAMESPACE}`],
      ...[
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '--propagation',
        'private',
        '--mount-proc',
      ],
      ...['sh', '-c', 'while :; do sleep 3600 & wait; done'],
    ],
    logOf('holder'),
  );
  await record({ holder });
  const first = await until('the first process of the node', START_MS, async () => {
    const [child] = await childrenOf(holder);
    return child && (await childrenOf(child)).length > 0 ? child : undefined; // it sleeps: /proc is its own
  });
  await record({ first });
  await inside(['sh', '-ec', ARRANGE_MOUNTS]);
}

/** Runs a program inside the node to its end. */
export async function inside(command: readonly string[]): Promise<{ stdout: string }> {
  const { first } = await processes();
  if (!first || !(await alive(first))) throw new Error('The node does not run.');
  return await run('nsenter', [`--target=${first.pid}`, '--mount', '--pid', '--net', '--', ...command]);
}

/** Starts programs inside the node that stay. */
export async function start(programs: Readonly<Record<string, readonly string[]>>): Promise<void> {
  for (const [name, command] of Object.entries(programs)) {
    const { stdout } = await inside(['sh', '-c', START_PROGRAM, logOf(name), ...command]);
    const { first } = await processes();
    const found = await until(`${name} to start`, START_MS, async () => {
      for (const child of first ? await childrenOf(first) : []) {
        if ((await innerPid(child)) === Number(stdout)) return child;
      }
      return undefined;
    });
    await record({ [name]: found });
  }
}

/** Kills one program of the node. */
export async function stop(name: string): Promise<void> {
  const started = (await processes())[name];
  if (started) await end(started);
}

/** The programs of the node, and which of them run; empty when none was started. */
export async function programsOfNode(): Promise<{ name: string; pid: number; runs: boolean }[]> {
  const all = Object.entries(await processes());
  return await Promise.all(
    all.map(async ([name, started]) => ({ name, pid: started.pid, runs: await alive(started) })),
  );
}

/** Every process in the node's network: ours, even when the record of them is lost. Pods are not in it. */
export async function processesInNetwork(): Promise<Started[]> {
  if (!existsSync(`/run/netns/${NETWORK_NAMESPACE}`)) return [];
  const pids = (await run('ip', ['netns', 'pids', NETWORK_NAMESPACE])).stdout.split('\n').filter(Boolean);
  const found = await Promise.all(pids.map((pid) => identify(Number(pid))));
  return found.filter((started) => started !== undefined);
}

/** Ends the node's processes, pods included, with every mount inside. */
export async function endAll(): Promise<void> {
  const { first, holder } = await processes();
  for (const started of [first, holder]) if (started) await end(started);
  for (const started of await processesInNetwork()) await end(started);
}
