/** ConfigMaps that ImageSpecs name as their source. */
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
  try {
    const { data = {}, binaryData = {} } = await connection.request<{
      data?: Record<string, string>;
      binaryData?: Record<string, string>;
    }>({ method: 'GET', path: pathOf(CONFIG_MAPS, { namespace, name }) });
    return Object.fromEntries([
      ...Object.entries(data).map(([key, text]) => [key, Buffer.from(text)] as const),
      ...Object.entries(binaryData).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
    ]);
  } catch (error) {
    if (error instanceof KubeError && error.code === 404) return undefined;
    throw error;
  }
}
