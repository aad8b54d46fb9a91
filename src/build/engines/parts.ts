/** What several engines have in common. */
import type { V1VolumeMount } from '../../api/kubernetes.ts';
import type { Problem, Target } from '../../image/target.ts';
import type { BuildContext } from '../context.ts';
import { secretMountVolume } from '../engine.ts';

/** The digest in a file that holds nothing else. */
export const digestIn = (text: string): string | undefined => /^sha256:[0-9a-f]{64}$/.exec(text.trim())?.[0];

/** Plain steps all see what is mounted, so a command would see the Secrets of the steps before it. */
export function plainRefuses({ spec, builder }: Target): Problem[] {
  if (!spec.pipSecretMounts?.length || !spec.commands?.length) return [];
  return [
    {
      field: 'spec.pipSecretMounts',
      message: `with builder ${builder.name} every command could read these Secrets; leave spec.commands out, or name a builder with engine BuildKit`,
    },
  ];
}

/** The user's Secrets at their own paths, where package managers look for them; mounts are in no layer. */
export function plainSecretMounts({ secretMounts }: Pick<BuildContext, 'secretMounts'>): V1VolumeMount[] {
  return secretMounts.map(({ path }, index) => ({
    name: secretMountVolume(index),
    mountPath: path,
    subPath: 'value',
    readOnly: true,
  }));
}

const secretMountFolder = (index: number) => `/imagespec/secret-mounts/${index}`;

/** Where the program finds the user's Secrets that it gives to single steps. */
export const secretMountFile = (index: number) => `${secretMountFolder(index)}/value`;

export function secretFolderMounts({ secretMounts }: Pick<BuildContext, 'secretMounts'>): V1VolumeMount[] {
  return secretMounts.map((_, index) => ({
    name: secretMountVolume(index),
    mountPath: secretMountFolder(index),
    readOnly: true,
  }));
}
