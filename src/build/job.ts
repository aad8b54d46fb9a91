/**
 * One Job is one attempt: its name and labels.
 *
 * The name follows from content, destination and attempt, so the API server is the lock: two controllers
 * make the same Job, and one that died makes no second one.
 */
import type { V1Job } from '../api/kubernetes.ts';
import { ANNOTATIONS, API_VERSION, KIND, LABELS, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { canonicalJson, type Json, sha256 } from '../image/hash.ts';
import type { Target } from '../image/target.ts';
import type { Settings } from '../settings.ts';
import { buildPod, indexPod, resourcesOf, timeoutOf } from './build-pod.ts';
import type { BuildContext, IndexContext } from './context.ts';
import { pushSecretOf } from './pod.ts';

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
 * a corrected Secret's name, more memory, a longer time, a corrected builder or network in the settings starts a new
 * attempt at once, and so does a new number in spec.rebuild.
 */
export function accessHash(target: Target, settings: Settings): string {
  const { spec } = target;
  const { priority, ...builder } = target.builder;
  const { registries, proxy, caBundle, toolImages } = settings;
  const plan: Json = {
    push: pushSecretOf(target.spec, settings) ?? '',
    pull: (spec.pullSecretRefs ?? []).map((ref) => ref.name),
    account: spec.build?.serviceAccountName ?? '',
    queue: spec.build?.queueName ?? '',
    timeout: timeoutOf(spec, settings),
    resources: resourcesOf(spec, settings) as unknown as Json,
    builder: builder as unknown as Json,
    network: { registries, proxy, caBundle, toolImages } as unknown as Json,
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
            ? indexPod(target, settings, stepImage)
            : buildPod(target, context, settings, stepImage),
      },
    },
  };
}
