/**
 * The parts that pods of ours share: the containers that run our own program, the tenant's Secrets and sources as
 * volumes; and the pod of one step alone.
 */
import type { Spec } from '../api/image-spec.ts';
import type {
  V1Container,
  V1PodSpec,
  V1ResourceRequirements,
  V1Volume,
  V1VolumeMount,
} from '../api/kubernetes.ts';
import { ANNOTATIONS } from '../api/names.ts';
import type { Settings } from '../settings.ts';
import { PATHS } from './engine.ts';

/** The user of images without one, as distroless has it. */
export const NOBODY = 65532;

/** What the operator's own program needs inside a pod: it only reads, asks and copies. */
const STEP_RESOURCES: V1ResourceRequirements = {
  requests: { cpu: '50m', memory: '96Mi', 'ephemeral-storage': '64Mi' },
  limits: { cpu: '1', memory: '256Mi', 'ephemeral-storage': '4Gi' },
};

/** In memory, and gone with the pod. */
const AUTH_VOLUME: V1Volume = { name: 'auth', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } };

/** What the pod is told, from its own annotation. */
const PODINFO_VOLUME: V1Volume = {
  name: 'podinfo',
  downwardAPI: {
    items: [
      {
        path: 'context.json',
        fieldRef: { fieldPath: `metadata.annotations['${ANNOTATIONS.context}']` },
      },
    ],
  },
};

/** A container of our own program. @param user the engine's where there is one: what one step writes the next reads */
export function stepContainer(
  step: 'prepare' | 'build' | 'verify' | 'look' | 'index',
  image: string,
  user: number,
  more: readonly V1VolumeMount[],
): V1Container {
  return {
    name: step,
    image,
    command: ['/usr/local/bin/node', '/app/dist/bin/step.cjs', step],
    resources: STEP_RESOURCES,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      runAsUser: user,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: 'work', mountPath: PATHS.work },
      { name: 'auth', mountPath: PATHS.auth },
      { name: 'podinfo', mountPath: PATHS.podinfo, readOnly: true },
      ...more.map((mount) => ({ ...mount, readOnly: true })),
    ],
  };
}

/** The Secret that pushes: the spec's own, else the one of the settings. */
export function pushSecretOf(spec: Spec, settings: Settings): string | undefined {
  return spec.pushSecretRef?.name ?? settings.defaults.pushSecretRef?.name;
}

/** The tenant's Secrets of registries in the order in which they are merged: the later one wins for a host. */
function registrySecrets(spec: Spec, settings: Settings): { volume: string; secret: string }[] {
  const pull = (spec.pullSecretRefs ?? []).map((ref, index) => ({
    volume: `pull-${index}`,
    secret: ref.name,
  }));
  const push = pushSecretOf(spec, settings);
  return push === undefined ? pull : [...pull, { volume: 'push', secret: push }];
}

/** True where the tenant names a Secret with which its own pods may see more than the operator. */
export const hasRegistrySecrets = (spec: Spec, settings: Settings) =>
  registrySecrets(spec, settings).length > 0;

// Seen by steps of ours only, which are not root.
const READABLE = 0o444;

function registryVolumes(spec: Spec, settings: Settings): V1Volume[] {
  return registrySecrets(spec, settings).map(({ volume, secret }) => ({
    name: volume,
    secret: {
      secretName: secret,
      defaultMode: READABLE,
      items: [{ key: '.dockerconfigjson', path: 'config.json' }],
    },
  }));
}

export function registryMounts(spec: Spec, settings: Settings): V1VolumeMount[] {
  return registrySecrets(spec, settings).map(({ volume }) => ({
    name: volume,
    mountPath: `${PATHS.secrets}/${volume}`,
  }));
}

/** A ConfigMap that is the source, and the Secret of a git source. */
export function sourceVolumes({ source }: Spec): V1Volume[] {
  const volumes: V1Volume[] = [];
  if (source?.configMapRef)
    volumes.push({ name: 'config-map', configMap: { name: source.configMapRef.name } });
  if (source?.git?.secretRef) {
    volumes.push({
      name: 'git-secret',
      secret: { secretName: source.git.secretRef.name, defaultMode: READABLE },
    });
  }
  return volumes;
}

export function sourceMounts({ source }: Spec): V1VolumeMount[] {
  return [
    ...(source?.configMapRef ? [{ name: 'config-map', mountPath: PATHS.configMap }] : []),
    ...(source?.git?.secretRef ? [{ name: 'git-secret', mountPath: PATHS.gitSecret }] : []),
  ];
}

/** Nothing of the cluster gets in, nothing is tried again in place; the images of steps may need Secrets of their own. */
export function podOfOurs({ imagePullSecrets }: Settings, timeoutSeconds: number) {
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: timeoutSeconds,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(imagePullSecrets.length === 0
      ? {}
      : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
  } satisfies Partial<V1PodSpec>;
}

/** The volumes that {@link stepContainer} mounts, and those of {@link registryMounts}. */
export function stepVolumes(spec: Spec, settings: Settings): V1Volume[] {
  return [{ name: 'work', emptyDir: {} }, AUTH_VOLUME, PODINFO_VOLUME, ...registryVolumes(spec, settings)];
}

/** The pod of a step that needs no engine: it asks, and pushes a few kilobytes at the most. */
export function stepPod(
  step: 'look' | 'index',
  image: string,
  spec: Spec,
  settings: Settings,
  { timeoutSeconds, withSource }: { readonly timeoutSeconds: number; readonly withSource: boolean },
): V1PodSpec {
  const mounts = [...registryMounts(spec, settings), ...(withSource ? sourceMounts(spec) : [])];
  return {
    ...podOfOurs(settings, timeoutSeconds),
    terminationGracePeriodSeconds: 1,
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [stepContainer(step, image, NOBODY, mounts)],
    volumes: [...stepVolumes(spec, settings), ...(withSource ? sourceVolumes(spec) : [])],
  };
}
