/**
 * Going up and down leaves the host as it was, also when `up` is killed on the way.
 *
 * It takes the cluster down, and everything in it, so it is a level of its own: `npm test` runs it last, and
 * only where no cluster ran before.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { current, down, leftovers, up } from '../../scripts/cluster/cluster.ts';
import { run } from '../../scripts/cluster/run.ts';

const CLUSTER = join(import.meta.dirname, '..', '..', 'scripts', 'cluster.ts');

/** What the node could leave behind, read without the node's own code. */
async function host() {
  const rules = await Promise.all(
    ['filter', 'nat'].map(async (table) => (await run('iptables', ['-t', table, '-S'])).stdout),
  );
  const folders = ['/run', '/var/lib', '/var/log', '/usr/libexec'].filter((folder) => existsSync(folder));
  const sysctls = (await run('sysctl', ['--all', '--ignore'])).stdout.split('\n');
  return {
    interfaces: (await run('ip', ['-brief', 'link'])).stdout,
    rules,
    mounts: await readFile('/proc/mounts', 'utf8'),
    files: Object.fromEntries(
      await Promise.all(folders.map(async (folder) => [folder, (await readdir(folder)).sort()] as const)),
    ),
    sysctls: sysctls.filter((line) => /^(kernel\.(panic|keys)|vm\.|net\.ipv4\.(ip_forward|conf))/.test(line)),
  };
}

/** Starts `up` and kills it some time after it began to change the host. */
async function killedUp(afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [CLUSTER, 'up', '--without-operator'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  await new Promise<void>((resolve) => {
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
      if (said.includes('Starting the node')) resolve();
    });
  });
  await setTimeout(afterMs);
  child.kill('SIGKILL');
  expect(await exited).toEqual([null, 'SIGKILL']);
}

describe('the single node', () => {
  let before: Awaited<ReturnType<typeof host>>;

  beforeAll(async () => {
    await down();
    before = await host();
  });

  afterAll(down);

  test('leaves the host as it was', async () => {
    await up({ withoutOperator: true });
    expect(await leftovers()).not.toEqual([]);
    await down();
    expect(await leftovers()).toEqual([]);
    expect(await host()).toEqual(before);
  });

  test.each([20, 100, 400, 1_500, 3_000, 5_000])(
    'killed %i ms after its start, it is removed by the next command',
    async (afterMs) => {
      await killedUp(afterMs);
      await down();
      expect(await leftovers()).toEqual([]);
      expect(await host()).toEqual(before);
    },
  );

  test('is made anew over what a killed `up` left', async () => {
    await killedUp(2_500);
    await up({ withoutOperator: true });
    expect(await current()).toBeDefined();
  });

  test('is made anew after its first process was killed', async () => {
    const { first } = JSON.parse(
      await readFile('/var/lib/imagespec-operator-cluster/processes.json', 'utf8'),
    );
    process.kill(first.pid, 'SIGKILL');
    expect(await current()).toBeUndefined();
    await up({ withoutOperator: true });
    expect(await current()).toBeDefined();
  });
});
