/** The connection to a real API server: one pool, deadlines, errors fit to be shown. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, inject, test } from 'vitest';
import { connectionOver } from '../../src/kube/connection.ts';
import { kubeErrorOf } from '../../src/kube/errors.ts';
import { pathOf } from '../../src/kube/resource.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { CONFIG_MAPS, connectFor, NAMESPACES } from '../support/kube.ts';

const { kubeconfig } = inject('controlPlane');
const path = pathOf(NAMESPACES, { name: 'default' });

test('reads raw JSON, times as strings', async (t) => {
  const connection = await connectFor(t, kubeconfig);
  expect(await connection.request({ method: 'GET', path })).toMatchObject({
    kind: 'Namespace',
    metadata: { creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
  });
});

test('sends everything over few connections', async (t) => {
  let opened = 0;
  const server = createServer((_, answer) => answer.end('{}')).on('connection', () => {
    opened += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.onTestFinished(() => void server.close());
  const connection = connectionOver({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tls: {},
    headers: async () => ({}),
    forget() {},
  });
  t.onTestFinished(() => connection.close());
  for (let times = 0; times < 100; times += 1) await connection.request({ method: 'GET', path: '/' });
  expect(opened).toBeLessThanOrEqual(2);
});

test('gives up a request without an answer', async (t) => {
  const proxy = await startFaultProxy(kubeconfig);
  t.onTestFinished(() => proxy.stop());
  const connection = await connectFor(t, proxy.kubeconfig);
  proxy.inject({ kind: 'hang' });
  const began = performance.now();
  const error = await connection.request({ method: 'GET', path, timeoutMs: 500 }).catch((caught) => caught);
  expect(performance.now() - began).toBeLessThan(1_500);
  expect(kubeErrorOf(error)).toEqual({ code: 0, reason: 'Timeout', message: 'no answer within 0.5 s' });
});

test('gives up when signing in never ends', async () => {
  const never = new Promise<never>(() => {});
  const connection = connectionOver({
    server: 'http://127.0.0.1:1',
    tls: {},
    headers: () => never,
    forget() {},
  });
  const request = connection.request({ method: 'GET', path, timeoutMs: 100 });
  await expect(request).rejects.toMatchObject({ code: 0, reason: 'Timeout' });
});

test('gives up an answer that never ends', async (t) => {
  const proxy = await startFaultProxy(kubeconfig);
  t.onTestFinished(() => proxy.stop());
  const connection = await connectFor(t, proxy.kubeconfig);
  proxy.inject({ kind: 'answer', text: '{', open: true });
  const request = connection.request({ method: 'GET', path, timeoutMs: 500 });
  await expect(request).rejects.toMatchObject({ code: 0, reason: 'Timeout' });
});

test("fails in the server's own words", async (t) => {
  const connection = await connectFor(t, kubeconfig);
  const request = connection.request({
    method: 'GET',
    path: pathOf(CONFIG_MAPS, { namespace: 'default', name: 'none' }),
  });
  await expect(request).rejects.toMatchObject({
    code: 404,
    reason: 'NotFound',
    message: 'configmaps "none" not found',
    request: 'GET /api/v1/namespaces/default/configmaps/none',
  });
});

test('names what the network said', async (t) => {
  const proxy = await startFaultProxy(kubeconfig);
  const connection = await connectFor(t, proxy.kubeconfig);
  proxy.inject({ kind: 'reset' });
  const reset = await connection.request({ method: 'GET', path }).catch(kubeErrorOf);
  expect(reset).toMatchObject({ code: 0, reason: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/) });
  await proxy.stop();
  const refused = await connection.request({ method: 'GET', path }).catch(kubeErrorOf);
  expect(refused).toMatchObject({ code: 0, reason: 'ECONNREFUSED' });
});

test('stops when the caller does', async (t) => {
  const connection = await connectFor(t, kubeconfig);
  await expect(
    connection.request({ method: 'GET', path, signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({
    code: 0,
    reason: 'AbortError',
  });
});
