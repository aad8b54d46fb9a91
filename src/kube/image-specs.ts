/** What the operator writes about an ImageSpec: its status, whole, once a pass. */
import { API_VERSION, FIELD_MANAGER, KIND } from '../api/names.ts';
import { CONTENT, type Connection } from './connection.ts';
import { KubeError } from './errors.ts';
import { IMAGE_SPECS, pathOf } from './resource.ts';

/**
 * What became of a status: `conflict` means that the object has changed since it was read, `gone` that it is no more.
 * After both the key comes back through the watch; there is nothing to retry here.
 */
export type StatusWrite =
  | { readonly kind: 'written'; readonly resourceVersion: string }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'gone' };

/**
 * Applies a whole status; a field left out is removed.
 *
 * @param seen the object the status speaks of; its resourceVersion is the lock
 * @throws KubeError when the server could not be asked or refused the status
 */
export async function writeStatus(
  connection: Connection,
  seen: { namespace: string; name: string; resourceVersion: string },
  status: object,
): Promise<StatusWrite> {
  const { namespace, name, resourceVersion } = seen;
  try {
    const written = await connection.request<{ metadata: { resourceVersion: string } }>({
      method: 'PATCH',
      path: pathOf(IMAGE_SPECS, { namespace, name, subresource: 'status' }),
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: CONTENT.apply,
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace, resourceVersion }, status },
    });
    return { kind: 'written', resourceVersion: written.metadata.resourceVersion };
  } catch (error) {
    if (error instanceof KubeError && error.code === 409) return { kind: 'conflict' };
    if (error instanceof KubeError && error.code === 404) return { kind: 'gone' };
    throw error;
  }
}
