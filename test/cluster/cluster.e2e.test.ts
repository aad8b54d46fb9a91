/**
 * The local cluster itself, before anything of the operator: a Job written by hand builds an image from apt
 * and PyPI packages, and a pod runs it. The cluster must be up; it is left as it was found.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Cluster,
  current,
  registryStart,
  registryStop,
  status,
  up,
} from '../../scripts/cluster/cluster.ts';
import { run } from '../../scripts/cluster/run.ts';

const NAMESPACE = 'cluster-test';
let cluster: Cluster;

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const all = ['--kubeconfig', cluster.kubeconfig, '--namespace', NAMESPACE, ...args];
  return (await run(cluster.kubectl, all, input === undefined ? {} : { input })).stdout;
}

beforeAll(async () => {
  const running = await current();
  if (!running) throw new Error('These tests need a cluster: `npm run cluster -- up`.');
  cluster = running;
  await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
  await kubectl(['create', 'namespace', NAMESPACE]);
});

afterAll(async () => {
  await registryStart();
  await kubectl(['delete', 'namespace', NAMESPACE]);
});

test('says that it is ready, and where its kubeconfig is', async () => {
  const { ready, lines } = await status();
  expect(ready).toBe(true);
  expect(lines.join('\n')).toContain(`kubeconfig ${cluster.kubeconfig}`);
  expect(existsSync(cluster.kubectl)).toBe(true);
});

test('is found again by a second `up`', async () => {
  const start = performance.now();
  expect(await up({ withoutOperator: true })).toEqual(cluster);
  expect(performance.now() - start).toBeLessThan(20_000);
});

// With kind these images come from their own registries, under other names.
test.runIf(process.platform === 'linux')('builds an image from packages and runs it', async ({ skip }) => {
  if (cluster.kind === 'kind') return skip();
  const authorities = cluster.additionalCA ? await readFile(cluster.additionalCA, 'utf8') : '';
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'authorities' },
    data: { 'additional-ca.crt': authorities },
  };
  await kubectl(['apply', '--filename', '-'], JSON.stringify(configMap));
  const image = `cluster-test/built:${Date.now()}`;
  const job = await readFile(join(import.meta.dirname, 'build-job.yaml'), 'utf8');
  await kubectl(
    ['apply', '--filename', '-'],
    job.replaceAll('REGISTRY', cluster.registry).replaceAll('NAME', image),
  );
  await kubectl(['wait', 'job/build', '--for=condition=Complete', '--timeout=150s']).catch(async (error) => {
    throw new Error(await kubectl(['logs', 'job/build', '--all-containers', '--tail=40']), { cause: error });
  });

  const program = 'import requests, pydantic; print("python has both")';
  const command = ['--command', '--', 'sh', '-c', `hello && python -c '${program}'`];
  await kubectl(['run', 'result', '--restart=Never', `--image=${cluster.registry}/${image}`, ...command]);
  const succeeded = '--for=jsonpath={.status.phase}=Succeeded';
  await kubectl(['wait', 'pod/result', succeeded, '--timeout=60s']);
  expect(await kubectl(['logs', 'pod/result'])).toBe('Hello, world!\npython has both\n');
});

test('has a registry that can go away and come back with its images', async () => {
  const catalog = async () => await (await fetch(`http://${cluster.registry}/v2/_catalog`)).json();
  const before = await catalog();
  await registryStop();
  await catalog().catch(() => {}); // ends the connection that was kept open
  await expect(catalog()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  expect((await status()).ready).toBe(false);
  await registryStart();
  expect(await catalog()).toEqual(before);
  expect((await status()).ready).toBe(true);
});
