/** How the settings of registries change where an engine reaches an image. */
import { type ImageReference, parseReference } from '../image/reference.ts';
import type { BuildContext } from './context.ts';

export type Registries = BuildContext['registries'];

/** `host:port` of an endpoint URL; without one, the host users write. */
export function hostOf(endpoint: string | undefined, host: string): string {
  return endpoint === undefined ? host : endpoint.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

/** Where engines push the image of a build, and where the layers of its steps are kept: beside it. */
export function destinationsOf({ image, registries }: Pick<BuildContext, 'image' | 'registries'>): {
  image: ImageReference;
  cache: string;
} {
  const named = parseReference(image) as ImageReference;
  const host = hostOf(registries.find((entry) => entry.host === named.host)?.endpoint, named.host);
  return { image: { ...named, host }, cache: `${host}/${named.repository}-cache` };
}
