/**
 * What can be checked of the kind way without Docker: kind itself reads `kind-config.yaml`.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KIND_VERSION, onPath } from '../../scripts/cluster/prerequisites.ts';
import { run } from '../../scripts/cluster/run.ts';

const MODULE = join(import.meta.dirname, 'go', 'kind');
const CONFIG = join(import.meta.dirname, '..', '..', 'kind-config.yaml');

/** kind's own reader; needs Go, which machines with Docker may do without: there kind itself reads it. */
async function load(file: string) {
  const env = { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
  return JSON.parse((await run('go', ['run', '-mod=readonly', '.', file], { cwd: MODULE, env })).stdout);
}

test('the loader is that of the kind we tell people to install', async () => {
  const module = await readFile(join(MODULE, 'go.mod'), 'utf8');
  expect(module).toContain(`require sigs.k8s.io/kind ${KIND_VERSION}\n`);
});

test.runIf(onPath('go'))('kind reads our configuration', async () => {
  const cluster = await load(CONFIG);
  expect(cluster.Nodes).toHaveLength(1);
  expect(cluster.Nodes[0].Image).toMatch(/^kindest\/node:v1\./);
  expect(cluster.ContainerdConfigPatches.join()).toContain('config_path = "/etc/containerd/certs.d"');
});

test.runIf(onPath('go'))('kind refuses a field that it does not know', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imagespec-kind-'));
  const file = join(folder, 'kind-config.yaml');
  await writeFile(file, `${await readFile(CONFIG, 'utf8')}containerdPatches: []\n`);
  await expect(load(file)).rejects.toThrow('containerdPatches');
  await rm(folder, { recursive: true });
});
