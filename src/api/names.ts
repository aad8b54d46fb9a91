/**
 * The names that stand on Kubernetes objects: group, labels, annotations, gate.
 *
 * One place, because users, manifests and every room spell them the same way.
 */

export const GROUP = 'imagespec.dev';
export const VERSION = 'v1alpha1';
export const KIND = 'ImageSpec';
export const PLURAL = 'imagespecs';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Where the operator itself lives. */
export const OPERATOR_NAMESPACE = 'imagespec-system';

/** Field manager of everything the operator applies, and `reportingController` of its Events. */
export const FIELD_MANAGER = 'imagespec-controller';
export const REPORTING_CONTROLLER = `${GROUP}/controller`;

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'imagespec-operator';

/** Flux looks at once at what refers to a ConfigMap with this label, when that changes; without it, at its next interval. */
export const FLUX_WATCH = { 'reconcile.fluxcd.io/watch': 'Enabled' } as const;

export const LABELS = {
  /** Full hash cut to the 63 characters a label may have; the annotation of the same name has all 64. */
  specHash: `${GROUP}/spec-hash`,
  attempt: `${GROUP}/attempt`,
  /** Hash of what gives a build access and room: Secrets, account, resources, time limit, builder, network. */
  access: `${GROUP}/access`,
  builder: `${GROUP}/builder`,
  /** On look Jobs: which question they ask. */
  look: `${GROUP}/look`,
} as const;

export const ANNOTATIONS = {
  specHash: `${GROUP}/spec-hash`,
  /** The whole build context as JSON, on the pod template; `prepare` reads it through the downward API. */
  context: `${GROUP}/context`,
  image: `${GROUP}/image`,
} as const;

/** `namespace/name`, the key under which the queue and the caches know an object. */
export function keyOf(meta: { namespace?: string | undefined; name?: string | undefined }): string {
  return `${meta.namespace ?? ''}/${meta.name ?? ''}`;
}
