/** An API server that goes away and comes back; it has a control plane of its own, for others need theirs. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RawObject, Reflector } from '../../src/kube/reflector.ts';
import { PODS, pathOf } from '../../src/kube/resource.ts';
import { type ControlPlane, installImageSpecs, startControlPlane } from '../support/control-plane.ts';
import { startGuarded } from '../support/guarded.ts';
import { CONFIG_MAPS, configMaps, connectFor, keptLog, newNamespace } from '../support/kube.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane({ controllers: false });
});
afterAll(() => plane?.stop());

test.for(['TERM', 'KILL'] as const)('the reflector outlives a restart by SIG%s', async (signal, t) => {
  const connection = await connectFor(t, plane.kubeconfig);
  const namespace = await newNamespace(t, connection);
  const objects = configMaps(connection, namespace);
  const changes: string[] = [];
  const reflector = new Reflector<RawObject>({
    connection: await connectFor(t, plane.kubeconfig),
    resource: CONFIG_MAPS,
    namespace,
    labelSelector: 'of=test',
    parse: (raw) => raw,
    onChange: (_, before, after) => {
      changes.push(`${before?.metadata.name ?? '-'} ${after?.metadata.name ?? '-'}`);
    },
    log: keptLog().log,
    pauseMs: [200, 1_000],
  });
  const stop = new AbortController();
  const run = reflector.run(stop.signal);
  await reflector.synced();
  await objects.create('a');
  await vi.waitFor(() => expect(changes).toEqual(['- a']), 10_000);

  await plane.stopApiServer(signal);
  await plane.startApiServer();
  await objects.delete('a');
  await objects.create('b');
  await vi.waitFor(() => expect(changes).toEqual(['- a', 'a -', '- b']), 20_000);
  stop.abort();
  await run;
});

test('an operator that is started meanwhile waits for it, alive, and is ready soon after', async (t) => {
  await installImageSpecs(plane);
  const connection = await connectFor(t, plane.kubeconfig);
  const namespace = await newNamespace(t, connection);
  const accounts = { apiVersion: 'v1', plural: 'serviceaccounts' };
  const account = { metadata: { name: 'default' } };
  await connection.request({ method: 'POST', path: pathOf(accounts, { namespace }), body: account });
  const spec = { containers: [{ name: 'operator', image: 'registry.invalid/operator' }] };
  const body = { metadata: { name: 'operator' }, spec };
  await connection.request({ method: 'POST', path: pathOf(PODS, { namespace }), body });

  await plane.stopApiServer('KILL');
  const log = `${plane.kubeconfig}.operator.log`;
  const command = [process.execPath, 'src/main.ts', '--kubeconfig', plane.kubeconfig, '--port', '0'];
  const operator = startGuarded(['env', `POD_NAMESPACE=${namespace}`, 'POD_NAME=operator', ...command], log);
  t.onTestFinished(() => operator.end());
  const said = () => readFile(log, 'utf8');
  await vi.waitFor(async () => expect(await said()).toContain('Waiting for the API server'), 30_000);
  const port = /"port":(\d+)/.exec(await said())?.[1];
  const probe = async (path: string) => (await fetch(`http://127.0.0.1:${port}/${path}`)).status;
  expect([await probe('healthz'), await probe('readyz')]).toEqual([200, 503]);

  await plane.startApiServer();
  await vi.waitFor(async () => expect(await probe('readyz')).toBe(200), 50_000);
}, 120_000);
