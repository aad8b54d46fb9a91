/** How the settings of registries change where an engine reaches an image. */
import { type ImageReference, parseReference } from '../image/reference.ts';
import type { BuildContext } from './context.ts';

export type Registries = BuildContext['registries'];

/** `host:port` of an endpoint URL; without one, the host users write. */
export function hostOf(endpoint: string | undefined, host: string): string {
  return endpoint === undefined ? host : endpoint.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

/** The image as engines push it: at the registry's endpoint, where the settings name one. */
export function reachedAs(image: ImageReference, registries: Registries): ImageReference {
  const setting = registries.find((entry) => entry.host === image.host);
  return { ...image, host: hostOf(setting?.endpoint, image.host) };
}

/** Where the image of a build goes, and where the layers of its steps are kept: beside it. */
export function destinationsOf({ image, registries }: Pick<BuildContext, 'image' | 'registries'>): {
  image: ImageReference;
  cache: string;
} {
  const pushed = reachedAs(parseReference(image) as ImageReference, registries);
  return { image: pushed, cache: `${pushed.host}/${pushed.repository}-cache` };
}
