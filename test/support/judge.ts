/** What the API server says to an ImageSpec; nothing is kept. */
import { API_VERSION, KIND } from '../../src/api/names.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { IMAGE_SPECS, pathOf } from '../../src/kube/resource.ts';

export type Judged =
  | { accepted: true; object: { spec: unknown; status?: unknown } }
  | { accepted: false; words: string };

/** @throws KubeError when the server could not be asked */
export async function judge(connection: Connection, spec: unknown, name = 'judged'): Promise<Judged> {
  try {
    const object = await connection.request<{ spec: unknown; status?: unknown }>({
      method: 'POST',
      path: pathOf(IMAGE_SPECS, { namespace: 'default' }),
      query: { dryRun: 'All' },
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec },
    });
    return { accepted: true, object };
  } catch (error) {
    if (!(error instanceof KubeError) || (error.code !== 422 && error.code !== 400)) throw error;
    return { accepted: false, words: error.message };
  }
}
