/** How the settings of registries change where an engine reaches an image. */
import type { BuildContext } from './context.ts';

export type Registries = BuildContext['registries'];

/** `host:port` of an endpoint URL; without one, the host users write. */
export function hostOf(endpoint: string | undefined, host: string): string {
  return endpoint === undefined ? host : endpoint.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}
