/** What the pod of a Flyte task is to have in its environment; nothing of it is in the image. */
import type { Spec } from '../../api/image-spec.ts';

/** flytekit's entrypoint splits it at spaces and installs what it names when a task starts. */
export function podEnvOf({ runtimePackages = [] }: Pick<Spec, 'runtimePackages'>): Record<string, string> {
  return runtimePackages.length === 0 ? {} : { _F_RUNTIME_PACKAGES: runtimePackages.join(' ') };
}
