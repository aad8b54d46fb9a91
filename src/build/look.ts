/**
 * Look Jobs: questions that the operator may not ask itself, because only the tenant's Secrets answer them or because
 * they go to a host that a tenant chose.
 *
 * One Job asks one question once: which image a registry has, or what a source holds. It belongs to one ImageSpec, and
 * while it exists it is the memory of its answer.
 */
import { z } from 'zod';
import type { Spec } from '../api/image-spec.ts';
import type { V1Job } from '../api/kubernetes.ts';
import { ANNOTATIONS, LABELS, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import { canonicalJson, type Json, sha256 } from '../image/hash.ts';
import { selectionOf } from '../image/inputs.ts';
import type { Settings } from '../settings.ts';
import { reachOf, reachSchema, selectionSchema } from './context.ts';
import { type Owner, ownerReference, TTL_SECONDS } from './job.ts';
import { pushSecretOf, stepPod } from './pod.ts';

/** A clone of a large repository takes its time; one that takes longer never ends. */
const TIME_LIMIT_SECONDS = 600;

const questionSchema = z.union([
  z.object({ image: z.object({ name: z.string(), platforms: z.array(z.string()).readonly() }) }),
  z.object({
    source: z.object({
      git: z
        .object({ url: z.string(), ref: z.string().optional(), commit: z.string().optional() })
        .optional(),
      oci: z.string().optional(),
      selection: selectionSchema,
    }),
  }),
]);
/** What is asked: does an image exist, or what does a source hold of what a spec uses. */
export type LookQuestion = z.output<typeof questionSchema>;

export const lookContextSchema = reachSchema.extend({ version: z.literal(1), question: questionSchema });
export type LookContext = z.output<typeof lookContextSchema>;

/** The question about the source of a spec; undefined where no host has to be asked. */
export function sourceQuestion(spec: Spec): LookQuestion | undefined {
  const { git, oci } = spec.source ?? {};
  const selection = selectionOf(spec);
  if (!selection || (!git && !oci)) return undefined;
  const from = git ? { git: { url: git.url, ref: git.ref, commit: git.commit } } : { oci: oci?.image };
  return { source: { ...from, selection } };
}

/** `imagespec-look-<20 hex>`: what all looks at one question of one ImageSpec with the same Secrets have in common. */
export function lookPrefix(question: LookQuestion, spec: Spec, settings: Settings, owner: Owner): string {
  const access: Json = [
    pushSecretOf(spec, settings) ?? '',
    (spec.pullSecretRefs ?? []).map(({ name }) => name),
    spec.source?.git?.secretRef?.name ?? '',
  ];
  const identity = canonicalJson([owner.uid, JSON.parse(JSON.stringify(question)) as Json, access]);
  return `imagespec-look-${sha256(identity).slice(0, 20)}`;
}

/** The Job of the n-th look at a question. */
export function lookJob(
  question: LookQuestion,
  spec: Spec,
  settings: Settings,
  owner: Owner,
  attempt: number,
  stepImage: string,
): V1Job {
  const prefix = lookPrefix(question, spec, settings, owner);
  const context: LookContext = { version: 1, question, ...reachOf(settings) };
  const labels = {
    [MANAGED_BY_LABEL]: MANAGED_BY,
    'app.kubernetes.io/name': 'imagespec-look',
    [LABELS.look]: prefix,
    [LABELS.attempt]: String(attempt),
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${prefix}-${attempt}`,
      namespace: owner.namespace,
      labels,
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      backoffLimit: 0,
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: {
        metadata: { labels, annotations: { [ANNOTATIONS.context]: JSON.stringify(context) } },
        spec: stepPod('look', stepImage, spec, settings, {
          timeoutSeconds: TIME_LIMIT_SECONDS,
          withSource: 'source' in question,
        }),
      },
    },
  };
}
