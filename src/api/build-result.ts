/**
 * What the steps of a build pod tell the operator: one line of JSON as termination message.
 *
 * It comes from a pod in which a tenant's commands ran, so it is parsed as untrusted, and the digest
 * counts only once the registry confirms it.
 */
import { z } from 'zod';
import { FAILURE_REASONS, type FailureReason } from './reasons.ts';

/** The kubelet keeps this much of a termination message. */
export const MAX_TERMINATION_BYTES = 4096;

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const seconds = z.number().min(0).max(1_000_000);

export const buildResultSchema = z.object({
  digest,
  base: z.object({ image: z.string().max(512), digest }).optional(),
  seconds: z.object({ prepare: seconds.optional(), build: seconds.optional(), verify: seconds.optional() }),
});
/** The end of a build that worked. */
export type BuildResult = z.output<typeof buildResultSchema>;

const message = z.string().max(2000);

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
/** What flytekit's tag counts of files. */
const flytekitDigests = z.object({
  requirements: hex(40).optional(),
  copy: hex(32).optional(),
  sourceRoot: hex(32).optional(),
});

/** What a look Job found out about a source or an image. */
export const lookResultSchema = z.union([
  z.object({
    source: z.object({
      /** Commit or digest of an artifact. */
      revision: z
        .string()
        .regex(/^([0-9a-f]{40}|(sha256:)?[0-9a-f]{64})$/)
        .optional(),
      digest: z.string().regex(/^[0-9a-f]{64}$/),
      requirementsDigest: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
      namesFlytekit: z.boolean().optional(),
      flytekit: flytekitDigests.optional(),
    }),
  }),
  /** The source was read, and does not hold what the spec wants of it. */
  z.object({ problems: z.array(z.object({ field: z.string().max(200), message })).max(8) }),
  /** The source could not be read. */
  z.object({ unreadable: z.object({ kind: z.enum(['unavailable', 'absent', 'denied']), message }) }),
  z.object({
    image: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('present'), digest }),
      z.object({ kind: z.literal('absent') }),
      z.object({ kind: z.literal('denied'), message }),
      z.object({ kind: z.literal('unavailable'), message }),
    ]),
  }),
]);
/** What the pod of a look Job says. */
export type LookResult = z.output<typeof lookResultSchema>;

export const stepFailureSchema = z.object({
  reason: z.enum(FAILURE_REASONS as [FailureReason, ...FailureReason[]]),
  message: z.string().max(MAX_TERMINATION_BYTES),
});
/** The end of a step of ours that did not. */
export type StepFailure = z.output<typeof stepFailureSchema>;

/** Reads a termination message; undefined when it is not what the schema says. */
export function readTermination<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined || text.length > MAX_TERMINATION_BYTES) return undefined;
  try {
    const read = schema.safeParse(JSON.parse(text));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}
