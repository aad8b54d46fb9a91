/**
 * One Job is one attempt: its name, labels and pod.
 *
 * The name follows from content, destination and attempt, so the API server is the lock: two controllers
 * make the same Job, and one that died makes no second one.
 */
import type { V1Container, V1Job, V1PodSpec, V1ResourceRequirements } from '../api/kubernetes.ts';
import { ANNOTATIONS, API_VERSION, KIND, LABELS, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { amountOf } from '../api/resources.ts';
import { canonicalJson, type Json, sha256 } from '../image/hash.ts';
import type { Target } from '../image/target.ts';
import type { Settings } from '../settings.ts';
import type { BuildContext, IndexContext } from './context.ts';
import { type EnginePart, PATHS, secretMountVolume } from './engine.ts';
import { ENGINES } from './engines.ts';
import {
  AUTH_VOLUME,
  PODINFO_VOLUME,
  pushSecretOf,
  registryMounts,
  registryVolumes,
  sourceMounts,
  sourceVolumes,
  stepContainer,
} from './pod.ts';

/** The user of images without one, as distroless has it. */
export const NOBODY = 65532;

/** Finished Jobs stay this long, with their logs. */
export const TTL_SECONDS = 3600;

/** `imagespec-<20 hex>`: what all attempts at one content for one destination have in common. */
export function jobPrefix(target: Target): string {
  const { host, repository, tag } = target.image;
  const identity = canonicalJson([
    target.specHash,
    `${host}/${repository}:${tag}`,
    target.effective.platforms[0] as string,
  ]);
  return `imagespec-${sha256(identity).slice(0, 20)}`;
}

/**
 * Hash of what gives a build its access and its room. A failure counts only for builds with the same one:
 * a corrected Secret's name, more memory, a longer time or a corrected builder in the settings starts a new attempt
 * at once, and so does a new number in spec.rebuild.
 */
export function accessHash(target: Target, settings: Settings): string {
  const { spec } = target;
  const { priority, ...builder } = target.builder;
  const plan: Json = {
    push: pushSecretOf(target.spec, settings) ?? '',
    pull: (spec.pullSecretRefs ?? []).map((ref) => ref.name),
    account: spec.build?.serviceAccountName ?? '',
    queue: spec.build?.queueName ?? '',
    timeout: timeoutOf(target, settings),
    resources: resourcesOf(target, settings) as unknown as Json,
    builder: builder as unknown as Json,
    rebuild: spec.rebuild ?? 0,
    ...(spec.pipSecretMounts === undefined ? {} : { mounts: spec.pipSecretMounts as unknown as Json }),
    ...(spec.source?.git?.secretRef === undefined ? {} : { git: spec.source.git.secretRef.name }),
  };
  return sha256(canonicalJson(plan)).slice(0, 16);
}

/** Who wants the build: the ImageSpec that owns the Job, together with others of the same content. */
export interface Owner {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

export function ownerReference(owner: Owner) {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    name: owner.name,
    uid: owner.uid,
    controller: false,
    blockOwnerDeletion: false,
  };
}

/** The Job of one attempt at a target: a build, or with several platforms what puts their images together. */
export function buildJob(
  target: Target,
  context: BuildContext | IndexContext,
  settings: Settings,
  owner: Owner,
  attempt: number,
  stepImage: string,
): V1Job {
  const labels = {
    [MANAGED_BY_LABEL]: MANAGED_BY,
    'app.kubernetes.io/name': 'imagespec-build',
    [LABELS.specHash]: target.specHash.slice(0, 63),
    [LABELS.attempt]: String(attempt),
    [LABELS.access]: accessHash(target, settings),
    [LABELS.builder]: target.builder.name,
  };
  const queue = target.spec.build?.queueName;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${jobPrefix(target)}-${attempt}`,
      namespace: owner.namespace,
      labels: { ...labels, ...(queue === undefined ? {} : { 'kueue.x-k8s.io/queue-name': queue }) },
      annotations: {
        [ANNOTATIONS.specHash]: target.specHash,
        [ANNOTATIONS.image]: context.image,
      },
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      ttlSecondsAfterFinished: TTL_SECONDS,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      template: {
        metadata: {
          labels,
          annotations: {
            [ANNOTATIONS.context]: JSON.stringify(context),
            'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
          },
        },
        spec:
          'parts' in context
            ? indexPodSpec(target, settings, stepImage)
            : podSpec(target, context, settings, stepImage),
      },
    },
  };
}

function podSpec(target: Target, context: BuildContext, settings: Settings, stepImage: string): V1PodSpec {
  const engine = ENGINES[context.engine].part(target.builder, context);
  const [os, architecture = 'amd64'] = context.platform.split('/');
  const user = engine.container.securityContext?.runAsUser || NOBODY;
  const { nodeSelector, ...pod } = engine.pod ?? {};
  return {
    ...pod,
    restartPolicy: 'Never',
    activeDeadlineSeconds: timeoutOf(target, settings),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 10,
    ...podsOwn(target, settings),
    nodeSelector: {
      ...nodeSelector,
      'kubernetes.io/os': os as string,
      'kubernetes.io/arch': architecture === '386' ? 'amd64' : architecture,
    },
    initContainers: [
      stepContainer('prepare', stepImage, user, [
        ...registryMounts(target.spec, settings),
        ...sourceMounts(target.spec),
      ]),
      engineContainer(engine, target, settings),
    ],
    containers: [stepContainer('verify', stepImage, user, [])],
    volumes: [
      { name: 'work', emptyDir: {} },
      AUTH_VOLUME,
      PODINFO_VOLUME,
      ...registryVolumes(target.spec, settings),
      ...sourceVolumes(target.spec),
      ...(target.spec.pipSecretMounts ?? []).map(({ secretKeyRef: { name, key } }, index) => ({
        name: secretMountVolume(index),
        secret: { secretName: name, defaultMode: 0o444, items: [{ key, path: 'value' }] },
      })),
      ...engine.volumes,
    ],
  };
}

/** Only asks the registry and pushes a few kilobytes. */
function indexPodSpec(target: Target, settings: Settings, stepImage: string): V1PodSpec {
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: timeoutOf(target, settings),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 1,
    ...podsOwn(target, settings),
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [stepContainer('index', stepImage, NOBODY, registryMounts(target.spec, settings))],
    volumes: [
      { name: 'work', emptyDir: {} },
      AUTH_VOLUME,
      PODINFO_VOLUME,
      ...registryVolumes(target.spec, settings),
    ],
  };
}

/** Whose pods they are, and with which Secrets their own images are pulled. */
function podsOwn({ spec }: Target, settings: Settings): Partial<V1PodSpec> {
  const pullSecrets = settings.imagePullSecrets.map((name) => ({ name }));
  const account = spec.build?.serviceAccountName;
  return {
    ...(account === undefined ? {} : { serviceAccountName: account }),
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets }),
  };
}

function engineContainer(engine: EnginePart, target: Target, settings: Settings): V1Container {
  return {
    name: 'build',
    resources: resourcesOf(target, settings),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...engine.container,
    env: [...(engine.container.env ?? []), ...proxyVariables(settings)],
    volumeMounts: [
      { name: 'work', mountPath: PATHS.work },
      { name: 'auth', mountPath: PATHS.auth, readOnly: true },
      ...(engine.container.volumeMounts ?? []),
    ],
  };
}

/** For the engine's own pulls and pushes; what runs inside the build gets them as build arguments. */
function proxyVariables({ proxy }: Settings): { name: string; value: string }[] {
  const wanted = {
    HTTP_PROXY: proxy?.http,
    HTTPS_PROXY: proxy?.https,
    NO_PROXY: proxy?.noProxy.join(',') || undefined,
  };
  // Kubernetes would take $(…) in a value for a reference.
  return Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: value.replaceAll('$', '$$$$') }],
  );
}

function timeoutOf(target: Target, settings: Settings): number {
  return target.spec.build?.timeoutSeconds ?? settings.defaults.timeoutSeconds;
}

/** What the spec says over what the settings say; a default gives way where it would not fit what was said. */
function resourcesOf(target: Target, settings: Settings): V1ResourceRequirements {
  const own = target.spec.build?.resources;
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const kind of ['cpu', 'memory', 'ephemeral-storage'] as const) {
    const request = own?.requests?.[kind] ?? settings.defaults.resources.requests?.[kind];
    const limit = own?.limits?.[kind] ?? settings.defaults.resources.limits?.[kind];
    const exceeds = request !== undefined && limit !== undefined && amountOf(request) > amountOf(limit);
    const fitting = exceeds && own?.requests?.[kind] === undefined ? limit : request;
    const room = exceeds && own?.limits?.[kind] === undefined ? request : limit;
    if (fitting !== undefined) requests[kind] = fitting;
    if (room !== undefined) limits[kind] = room;
  }
  return { requests, limits };
}
