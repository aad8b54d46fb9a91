/** What the controller keeps of Jobs, pods and ConfigMaps: as little as its decisions need. */
import type { V1ConfigMap, V1Job, V1Pod } from '../api/kubernetes.ts';
import { ANNOTATIONS, KIND, LABELS } from '../api/names.ts';
import type { ConfigMapFact } from '../plan/facts.ts';
import { contentOf } from '../plan/publish.ts';

export interface JobView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly specHash: string;
  /** On look Jobs: what all looks at one question have in common; empty on builds. */
  readonly look: string;
  readonly attempt: number;
  readonly access: string;
  readonly builder: string;
  readonly owners: readonly { readonly name: string; readonly uid: string }[];
  readonly created: number;
  readonly ended: number | undefined;
  readonly completed: boolean;
  readonly deleting: boolean;
}

/** @throws nothing: what is missing is empty, and such a Job matches no ImageSpec */
export function jobView(job: V1Job): JobView {
  const { metadata, status } = job;
  const labels = metadata?.labels ?? {};
  const annotations = metadata?.annotations ?? {};
  const end = status?.conditions?.find(
    (condition) =>
      (condition.type === 'Complete' || condition.type === 'Failed') && condition.status === 'True',
  );
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    resourceVersion: metadata?.resourceVersion ?? '',
    specHash: annotations[ANNOTATIONS.specHash] ?? '',
    look: labels[LABELS.look] ?? '',
    attempt: Number(labels[LABELS.attempt] ?? 0),
    access: labels[LABELS.access] ?? '',
    builder: labels[LABELS.builder] ?? '',
    owners: (metadata?.ownerReferences ?? [])
      .filter((owner) => owner.kind === KIND)
      .map((owner) => ({ name: owner.name, uid: owner.uid })),
    created: timeOf(metadata?.creationTimestamp) ?? 0,
    ended: end ? timeOf(end.lastTransitionTime) : undefined,
    completed: end?.type === 'Complete',
    deleting: metadata?.deletionTimestamp !== undefined,
  };
}

/** True for `<prefix>-<number>`; somebody's copy of such a Job has another name. */
export const isAttempt = (job: JobView, prefix: string) => job.name === `${prefix}-${job.attempt}`;

/** A pod with the parts of its status that tell how far it is. */
export type PodView = Pick<V1Pod, 'status'> & {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly job: string;
  /** A Job of the same name that came later is another one. */
  readonly jobUid: string;
  readonly created: number;
  /** When somebody asked for its end; the time to end in comes on top. */
  readonly deleted: number | undefined;
};

export function podView(pod: V1Pod): PodView {
  const { metadata, status } = pod;
  const gone = timeOf(metadata?.deletionTimestamp);
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    job: metadata?.labels?.['batch.kubernetes.io/job-name'] ?? '',
    jobUid: metadata?.labels?.['batch.kubernetes.io/controller-uid'] ?? '',
    created: timeOf(metadata?.creationTimestamp) ?? 0,
    deleted: gone === undefined ? undefined : gone - 1000 * (metadata?.deletionGracePeriodSeconds ?? 0),
    status: {
      ...(status?.phase === undefined ? {} : { phase: status.phase }),
      ...(status?.reason === undefined ? {} : { reason: status.reason }),
      ...(status?.message === undefined ? {} : { message: status.message }),
      conditions: status?.conditions ?? [],
      initContainerStatuses: status?.initContainerStatuses ?? [],
      containerStatuses: status?.containerStatuses ?? [],
    },
  };
}

/** A ConfigMap, wherever it is. */
export type ConfigMapView = ConfigMapFact & { readonly namespace: string };

export function configMapView(configMap: V1ConfigMap): ConfigMapView {
  const { metadata, immutable = false } = configMap;
  return {
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    resourceVersion: metadata?.resourceVersion ?? '',
    owners: (metadata?.ownerReferences ?? []).map(({ kind, name, uid }) => ({ kind, name, uid })),
    content: contentOf(configMap),
    immutable,
  };
}

/** Milliseconds of an RFC 3339 time. */
export function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}
