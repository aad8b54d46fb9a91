/** ConfigMaps on a real API server: each change means one object as it was seen, and nothing else. */
import { expect, inject, test } from 'vitest';
import type { V1ConfigMap } from '../../src/api/kubernetes.ts';
import {
  type ConfigMapId,
  changeConfigMap,
  createConfigMap,
  deleteConfigMap,
  getConfigMap,
  readConfigMap,
} from '../../src/kube/config-maps.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { pathOf } from '../../src/kube/resource.ts';
import { CONFIG_MAPS, configMaps, connectFor, type ForTest, newNamespace } from '../support/kube.ts';

const { kubeconfig } = inject('controlPlane');

async function stage(t: ForTest) {
  const connection = await connectFor(t, kubeconfig);
  const namespace = await newNamespace(t, connection);
  const read = async (): Promise<V1ConfigMap> => (await getConfigMap(connection, namespace, 'one')) ?? {};
  return {
    connection,
    namespace,
    others: configMaps(connection, namespace),
    read,
    seen: async () => idOf(namespace, await read()),
  };
}

const idOf = (namespace: string, { metadata = {} }: V1ConfigMap): ConfigMapId => ({
  namespace,
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
  resourceVersion: metadata.resourceVersion ?? '',
});

const ONE = { metadata: { name: 'one', labels: { ours: 'yes' } }, data: { A: '1', B: '2' } };
const TWO = { metadata: { name: 'one', labels: { ours: 'again' } }, data: { A: '3' } };

/** Anything that somebody else does to it. */
const patch = (connection: Connection, namespace: string, body: object) =>
  connection.request({
    method: 'PATCH',
    path: pathOf(CONFIG_MAPS, { namespace, name: 'one' }),
    contentType: 'application/merge-patch+json',
    body,
  });

test('makes one, and leaves one that is there', async (t) => {
  const { connection, namespace, read } = await stage(t);
  expect(await createConfigMap(connection, namespace, ONE)).toBe(true);
  expect(await createConfigMap(connection, namespace, TWO)).toBe(false);
  expect(await read()).toMatchObject(ONE);
  expect(await getConfigMap(connection, namespace, 'two')).toBeUndefined();
  expect(await readConfigMap(connection, namespace, 'one')).toMatchObject({ A: Buffer.from('1') });
});

test('changes keys and labels to what they are to be, and leaves other labels', async (t) => {
  const { connection, namespace, read, seen } = await stage(t);
  await createConfigMap(connection, namespace, ONE);
  const edit = { metadata: { labels: { theirs: 'yes' } }, data: { C: '4' }, binaryData: { D: 'AA==' } };
  await patch(connection, namespace, edit);
  expect(await changeConfigMap(connection, await seen(), TWO)).toBe(true);
  await patch(connection, namespace, { data: null });
  expect(await changeConfigMap(connection, await seen(), TWO)).toBe(true);
  const { metadata, data, binaryData } = await read();
  expect({ labels: metadata?.labels, data, binaryData }).toEqual({
    labels: { ours: 'again', theirs: 'yes' },
    data: TWO.data,
    binaryData: undefined,
  });
});

test('neither changes nor deletes what is not as it was seen', async (t) => {
  const { connection, namespace, others, read, seen } = await stage(t);
  await createConfigMap(connection, namespace, ONE);
  const before = await seen();
  // Somebody takes it over, or only edits it.
  await patch(connection, namespace, { metadata: { ownerReferences: [] }, data: { A: 'theirs' } });
  expect(await changeConfigMap(connection, before, TWO)).toBe(false);
  expect(await deleteConfigMap(connection, before)).toBe(false);
  expect((await read()).data).toEqual({ A: 'theirs', B: '2' });
  // Somebody puts another one in its place.
  const edited = await seen();
  await others.delete('one');
  await others.create('one', { A: 'another' });
  expect(await changeConfigMap(connection, edited, TWO)).toBe(false);
  expect(await deleteConfigMap(connection, edited)).toBe(false);
  const { resourceVersion } = await seen();
  expect(await changeConfigMap(connection, { ...edited, resourceVersion }, TWO)).toBe(false);
  expect(await deleteConfigMap(connection, { ...edited, resourceVersion })).toBe(false);
  expect((await read()).data).toEqual({ A: 'another' });
  // Nothing is there any more.
  await others.delete('one');
  expect(await changeConfigMap(connection, edited, TWO)).toBe(false);
  expect(await deleteConfigMap(connection, edited)).toBe(false);
  expect(await read()).toEqual({});
});

test('deletes what is as it was seen, also where nobody may change it', async (t) => {
  const { connection, namespace, read, seen } = await stage(t);
  await createConfigMap(connection, namespace, ONE);
  await patch(connection, namespace, { immutable: true });
  await expect(changeConfigMap(connection, await seen(), TWO)).rejects.toMatchObject({ code: 422 });
  expect(await deleteConfigMap(connection, await seen())).toBe(true);
  expect(await read()).toEqual({});
});

test('throws the words of who refuses one', async (t) => {
  const { connection, namespace } = await stage(t);
  await expect(
    createConfigMap(connection, namespace, { metadata: { name: 'Not_A_Name' } }),
  ).rejects.toMatchObject({ code: 422, message: expect.stringContaining('metadata.name') });
});
