/** Status writes on a real API server with the real CRD. */
import { expect, inject, test } from 'vitest';
import { API_VERSION, KIND } from '../../src/api/names.ts';
import { writeStatus } from '../../src/kube/image-specs.ts';
import { IMAGE_SPECS, pathOf } from '../../src/kube/resource.ts';
import { connectFor, type ForTest, newNamespace } from '../support/kube.ts';

const { kubeconfig } = inject('controlPlane');

interface WithStatus {
  metadata: { resourceVersion: string };
  status?: Record<string, unknown> & { conditions?: { type: string }[] };
}

function condition(type: string) {
  const lastTransitionTime = '2026-11-25T20:00:00Z';
  return { type, status: 'True', reason: 'Progressing', message: 'At it.', lastTransitionTime };
}

async function stage(t: ForTest) {
  const connection = await connectFor(t, kubeconfig);
  const namespace = await newNamespace(t, connection);
  const path = pathOf(IMAGE_SPECS, { namespace, name: 'one' });
  const made = await connection.request<WithStatus>({
    method: 'POST',
    path: pathOf(IMAGE_SPECS, { namespace }),
    body: { apiVersion: API_VERSION, kind: KIND, metadata: { name: 'one' }, spec: { packages: ['numpy'] } },
  });
  const at = (resourceVersion: string) => ({ namespace, name: 'one', resourceVersion });
  const read = () => connection.request<WithStatus>({ method: 'GET', path });
  return { connection, path, made, at, read };
}

test('writes a whole status; what is left out next time is removed', async (t) => {
  const { connection, made, at, read } = await stage(t);
  const both = { observedGeneration: 1, conditions: [condition('Ready'), condition('Reconciling')] };
  expect(await writeStatus(connection, at(made.metadata.resourceVersion), both)).toMatchObject({
    kind: 'written',
  });

  const next = await read();
  expect(next.status?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'Reconciling']);
  const one = { observedGeneration: 1, conditions: [condition('Ready')] };
  expect(await writeStatus(connection, at(next.metadata.resourceVersion), one)).toMatchObject({
    kind: 'written',
  });
  expect((await read()).status?.conditions?.map(({ type }) => type)).toEqual(['Ready']);
});

test('writes any text, whole or cut within a character', async (t) => {
  const { connection, made, at, read } = await stage(t);
  const image = 'a\x1b\x7f\x80\x85\xa0\u2028\u2029\ufeff\uffff😀\n"\\';
  const cut = '😀'.slice(0, 1);
  await writeStatus(connection, at(made.metadata.resourceVersion), {
    observedGeneration: 1,
    image: image + cut,
  });
  expect((await read()).status?.image).toBe(`${image}\ufffd`);
});

test('does not write about an object that has changed since', async (t) => {
  const { connection, path, made, at, read } = await stage(t);
  await connection.request({
    method: 'PATCH',
    path,
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { changed: 'yes' } } },
  });
  const status = { observedGeneration: 7 };
  expect(await writeStatus(connection, at(made.metadata.resourceVersion), status)).toMatchObject({
    kind: 'conflict',
  });
  expect((await read()).status?.observedGeneration).not.toBe(7);
});

test('knows that an object is gone', async (t) => {
  const { connection, path, made, at } = await stage(t);
  await connection.request({ method: 'DELETE', path });
  expect(await writeStatus(connection, at(made.metadata.resourceVersion), {})).toMatchObject({
    kind: 'gone',
  });
});

test('throws the words with which a status is refused', async (t) => {
  const { connection, made, at } = await stage(t);
  const status = { observedGeneration: 'one' };
  await expect(writeStatus(connection, at(made.metadata.resourceVersion), status)).rejects.toMatchObject({
    message: expect.stringContaining('observedGeneration'),
  });
});
