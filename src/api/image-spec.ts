/**
 * The ImageSpec resource: what users write (`spec`), and how an object is read; `status.ts` has the other half.
 *
 * One zod schema serves twice. `scripts/generate.ts` makes the CRD of it, where every pattern becomes a
 * CEL rule with a sentence; the operator parses each object with it at the door. Patterns stay in the
 * subset that RE2 and JavaScript share. Objects are not strict: a field of a newer release is ignored,
 * never refused. `spec/` has the fields, by what they are about.
 */
import { z } from 'zod';
import { buildFields } from './spec/build.ts';
import { fileFields, fileRules } from './spec/files.ts';
import { flytekitRules } from './spec/flytekit.ts';
import { imageFields } from './spec/image.ts';
import { publishFields, publishRules } from './spec/publish.ts';
import { pythonFields, pythonRules } from './spec/python.ts';
import { targetFields, targetRules } from './spec/target.ts';
import { type Status, statusSchema } from './status.ts';

/** What spans fields: each rule once, for CEL and for the operator's own check. */
const RULES = [...targetRules, ...pythonRules, ...fileRules, ...publishRules, ...flytekitRules];

export const specSchema = z
  .object({
    ...targetFields,
    ...pythonFields,
    ...imageFields,
    ...fileFields,
    ...buildFields,
    ...publishFields,
  })
  .superRefine((spec, context) => {
    for (const { holds, message, path } of RULES) {
      if (!holds(spec)) context.addIssue({ code: 'custom', message, path: [path] });
    }
  })
  .meta({
    'x-kubernetes-validations': RULES.map(({ rule, message, path }) => ({
      rule,
      message,
      fieldPath: `.${path}`,
    })),
  })
  .describe('What the image contains and where it goes.');
export type Spec = z.output<typeof specSchema>;

const metadataSchema = z.object({
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  generation: z.int().default(1),
  resourceVersion: z.string().default(''),
  deletionTimestamp: z.string().optional(),
});
export type Metadata = z.output<typeof metadataSchema>;

/** One ImageSpec as the operator reads it: the spec not yet judged, the status or nothing. */
export interface ImageSpec {
  readonly metadata: Metadata;
  /** As the API server has it; {@link specSchema} judges it. */
  readonly spec: unknown;
  readonly status: Status | undefined;
}

const objectSchema = z.object({
  metadata: metadataSchema,
  spec: z.unknown(),
  // A status only the operator writes; one that does not fit was edited by hand and is written anew.
  status: statusSchema.optional().catch(undefined),
});

/** Reads one object from the API server. @throws ZodError when even its metadata does not fit */
export function parseImageSpec(raw: unknown): ImageSpec {
  const { metadata, spec, status } = objectSchema.parse(raw);
  return { metadata, spec: spec ?? {}, status };
}
