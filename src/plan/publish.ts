/**
 * The ConfigMap that spec.publish asks for: the image that the status names, for pods and tools that read ConfigMaps.
 *
 * It is made, and made right again, while an image of the observed content exists; while a new one is made, or fails, it
 * stays as it is. One that the ImageSpec does not own is left alone, whatever is in it.
 */
import { conditionOf, stamped } from '../api/conditions.ts';
import type { ImageSpec, Spec } from '../api/image-spec.ts';
import type { V1ConfigMap } from '../api/kubernetes.ts';
import { FLUX_WATCH, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { type StalledReason, say } from '../api/reasons.ts';
import type { Status } from '../api/status.ts';
import { ownerReference } from '../build/job.ts';
import { podEnvOf } from '../image/flytekit/pod-env.ts';
import { canonicalJson, sha256 } from '../image/hash.ts';
import { parseReference } from '../image/reference.ts';
import type { Action } from './decision.ts';
import type { Facts } from './facts.ts';
import type { Note } from './notes.ts';
import { MINUTE, SECOND } from './pauses.ts';

/** Nobody watches a ConfigMap that is not ours: so soon it is looked at again. */
const CONFLICT_AGAIN_MS = 30 * SECOND;

const LABELS = { [MANAGED_BY_LABEL]: MANAGED_BY, 'app.kubernetes.io/name': 'imagespec-image', ...FLUX_WATCH };

/** What keeps an image that exists from being published. */
interface Obstacle {
  readonly reason: Extract<StalledReason, 'PublishConflict' | 'PolicyDenied'>;
  readonly message: string;
  readonly againMs: number;
}

export interface Publishing {
  readonly actions: readonly Action[];
  readonly obstacle?: Obstacle;
}

/** @param status what is decided about the image */
export function publishing({ object, publication }: Facts, { resolvedImage }: Status): Publishing {
  if (!publication) return { actions: [] };
  const { spec, found, others, refused } = publication;
  const removed = others.map((configMap): Action => ({ kind: 'delete-config-map', configMap }));
  const name = spec.publish?.configMap.name;
  if (name === undefined || resolvedImage === undefined) return { actions: removed };

  if (found && !found.owners.some(({ uid }) => uid === object.metadata.uid)) {
    const [owner] = found.owners;
    const whose = owner && `${owner.kind} ${owner.name}`;
    const message = say.publishConflict(name, whose, CONFLICT_AGAIN_MS / SECOND);
    const obstacle = { reason: 'PublishConflict', message, againMs: CONFLICT_AGAIN_MS } as const;
    return { actions: removed, obstacle };
  }
  if (refused !== undefined) {
    const message = say.publishRefused(name, refused);
    return { actions: removed, obstacle: { reason: 'PolicyDenied', message, againMs: MINUTE } };
  }
  const configMap = configMapOf(object, name, resolvedImage, spec);
  const create: Action = { kind: 'create-config-map', configMap };
  if (!found) return { actions: [...removed, create] };
  if (found.content === contentOf(configMap)) return { actions: removed };
  // What nobody may change can still be made anew.
  if (found.immutable) {
    return { actions: [...removed, { kind: 'delete-config-map', configMap: found }, create] };
  }
  return { actions: [...removed, { kind: 'change-config-map', configMap, seen: found }] };
}

function configMapOf({ metadata }: ImageSpec, name: string, image: string, spec: Spec): V1ConfigMap {
  const { host, repository, tag = '', digest = '' } = parseReference(image) ?? {};
  return {
    metadata: {
      name,
      namespace: metadata.namespace,
      labels: LABELS,
      ownerReferences: [ownerReference(metadata)],
    },
    data: {
      IMAGE: image,
      DIGEST: digest,
      TAG: tag,
      REPOSITORY: `${host}/${repository}`,
      ...podEnvOf(spec),
    },
  };
}

/** By which two ConfigMaps publish the same: a hash, because one that we read may be large. */
export function contentOf({ metadata, data = {}, binaryData = {} }: V1ConfigMap): string {
  const labels = Object.fromEntries(
    Object.keys(LABELS).map((label) => [label, metadata?.labels?.[label] ?? null]),
  );
  return sha256(canonicalJson({ labels, data, binaryData }));
}

/**
 * An image that exists and is not published: a person must act, so it is not Ready; what names the image stays in the
 * status, since it can be used.
 */
export function unpublished(status: Status, obstacle: Obstacle, facts: Facts): Status {
  const { reason, message } = obstacle;
  const conditions = (status.conditions ?? []).map((condition) =>
    condition.type === 'Ready' ? { ...condition, status: 'False' as const, reason, message } : condition,
  );
  // Reconciling and Stalled never stand together: what is under way ends first.
  const [ready] = conditions;
  if (ready && conditions.length === 1) conditions.push({ ...ready, type: 'Stalled', status: 'True' });
  return { ...status, conditions: stamped(conditions, facts.object.status?.conditions ?? [], facts.now) };
}

/** Told once, when it begins to be so. */
export function obstacleNote({ reason, message }: Obstacle, before: Status | undefined): Note[] {
  if (conditionOf(before?.conditions, 'Ready')?.message === message) return [];
  return [{ type: 'Warning', reason, note: message, action: 'Publish' }];
}
