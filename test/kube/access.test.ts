/** The service account of a Pod, from files as the kubelet lays them down. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { podAccess } from '../../src/kube/access.ts';

async function accountFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'imagespec-account-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'ca.crt'), 'certificate');
  await writeFile(join(folder, 'token'), 'first\n');
  return folder;
}

test('reads server, certificate and token', async () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const access = await podAccess(env, await accountFolder());
  expect(access.server).toBe('https://10.96.0.1:443');
  expect(access.tls).toEqual({ ca: 'certificate' });
  expect(await access.headers()).toEqual({ authorization: 'Bearer first' });
});

test('reads the token again once the server no longer takes it', async () => {
  const folder = await accountFolder();
  const access = await podAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1' }, folder);
  expect(access.server).toBe('https://[fd00::1]:443');
  await access.headers();
  await writeFile(join(folder, 'token'), 'second');
  expect(await access.headers()).toEqual({ authorization: 'Bearer first' });
  access.forget();
  expect(await access.headers()).toEqual({ authorization: 'Bearer second' });
});

test('says what to do outside a cluster', async () => {
  await expect(podAccess({})).rejects.toThrow('name a kubeconfig');
});
