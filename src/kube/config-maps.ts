/** ConfigMaps: those that ImageSpecs name as their source, and those that tell their image. */
import type { V1ConfigMap } from '../api/kubernetes.ts';
import { FIELD_MANAGER } from '../api/names.ts';
import type { Connection } from './connection.ts';
import { KubeError } from './errors.ts';
import { CONFIG_MAPS, pathOf } from './resource.ts';

/**
 * The keys of a ConfigMap and their content.
 *
 * @returns undefined when there is none of that name
 * @throws KubeError when the API server does not answer
 */
export async function readConfigMap(
  connection: Connection,
  namespace: string,
  name: string,
): Promise<Record<string, Uint8Array> | undefined> {
  const found = await getConfigMap(connection, namespace, name);
  if (!found) return undefined;
  const { data = {}, binaryData = {} } = found;
  return Object.fromEntries([
    ...Object.entries(data).map(([key, text]) => [key, Buffer.from(text)] as const),
    ...Object.entries(binaryData).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  ]);
}

/** The ConfigMap as the server has it now; undefined when there is none. */
export async function getConfigMap(
  connection: Connection,
  namespace: string,
  name: string,
): Promise<V1ConfigMap | undefined> {
  const path = pathOf(CONFIG_MAPS, { namespace, name });
  return await unless([404], connection.request<V1ConfigMap>({ method: 'GET', path }));
}

/** Which ConfigMap is meant, and as it was when it was read. */
export interface ConfigMapId {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** @returns false when there is one of that name */
export async function createConfigMap(
  connection: Connection,
  namespace: string,
  configMap: V1ConfigMap,
): Promise<boolean> {
  const made = connection.request<V1ConfigMap>({
    method: 'POST',
    path: pathOf(CONFIG_MAPS, { namespace }),
    query: { fieldManager: FIELD_MANAGER },
    body: { apiVersion: 'v1', kind: 'ConfigMap', ...configMap },
  });
  // A 409 can also be a quota being counted: reason Conflict, for the queue to try again.
  return (await unless(['AlreadyExists'], made)) !== undefined;
}

/**
 * Gives a ConfigMap the keys it is to have, and no others, and labels beside those it has.
 *
 * Not by a patch: no kind of patch replaces a map that may be missing and keeps others' labels.
 *
 * @returns false when it is not as it was seen any more
 */
export async function changeConfigMap(
  connection: Connection,
  seen: ConfigMapId,
  wanted: V1ConfigMap,
): Promise<boolean> {
  const now = await getConfigMap(connection, seen.namespace, seen.name);
  const { metadata } = now ?? {};
  if (metadata?.uid !== seen.uid || metadata.resourceVersion !== seen.resourceVersion) return false;
  const { binaryData: _, ...rest } = { ...now, data: wanted.data };
  const changed = connection.request<V1ConfigMap>({
    method: 'PUT',
    path: pathOf(CONFIG_MAPS, { namespace: seen.namespace, name: seen.name }),
    query: { fieldManager: FIELD_MANAGER },
    body: { ...rest, metadata: { ...metadata, labels: { ...metadata.labels, ...wanted.metadata?.labels } } },
  });
  return (await unless([404, 409], changed)) !== undefined;
}

/** @returns false when it is not as it was seen any more, or gone */
export async function deleteConfigMap(connection: Connection, seen: ConfigMapId): Promise<boolean> {
  const { uid, resourceVersion } = seen;
  const deleted = connection.request<object>({
    method: 'DELETE',
    path: pathOf(CONFIG_MAPS, { namespace: seen.namespace, name: seen.name }),
    body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } },
  });
  return (await unless([404, 409], deleted)) !== undefined;
}

/** What was asked for; undefined for an answer with one of these codes or reasons. */
async function unless<T>(answers: readonly (number | string)[], asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof KubeError && (answers.includes(error.code) || answers.includes(error.reason)))
      return undefined;
    throw error;
  }
}
