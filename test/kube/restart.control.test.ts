/** An API server that goes away and comes back; it has a control plane of its own, for others need theirs. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RawObject, Reflector } from '../../src/kube/reflector.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
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
