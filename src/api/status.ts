/** What the operator writes about an ImageSpec: the status, as a schema for the CRD and for reading it back. */
import { z } from 'zod';
import { conditionSchema } from './conditions.ts';

const digest = z.string().max(71);
const time = z.string().max(40).meta({ format: 'date-time' });
const seconds = z.number().min(0);

export const statusSchema = z
  .object({
    observedGeneration: z
      .int()
      .optional()
      .describe(
        'The generation of spec that this status speaks of; -1 until the operator has seen the object.',
      ),
    specHash: z.string().max(64).optional().describe('Hash of everything that decides the content.'),
    image: z
      .string()
      .max(512)
      .optional()
      .describe('name:tag of the observed spec, known before the image exists.'),
    resolvedImage: z
      .string()
      .max(600)
      .optional()
      .describe(
        'The image pinned by digest, for a pod spec. Present only while an image of the observed content exists.',
      ),
    digest: digest.optional().describe('Digest of resolvedImage.'),
    checkedBy: z.enum(['Operator', 'Job']).optional().describe('Who saw the image in the registry.'),
    latestReady: z
      .object({
        image: z
          .string()
          .max(600)
          .describe('The last image that was ready, pinned by digest; kept while a newer one is made.'),
        specHash: z.string().max(64).describe('Hash of its content.'),
        observedGeneration: z.int().describe('Generation of the spec it was made for.'),
        time: time.describe('When it became ready.'),
      })
      .optional()
      .describe('The last good image.'),
    base: z
      .object({
        image: z.string().max(512).describe('As written or defaulted.'),
        digest: digest.describe('What it was when the image was built.'),
      })
      .optional()
      .describe('The base image the last build used.'),
    source: z
      .object({
        revision: z
          .string()
          .max(128)
          .optional()
          .describe('Commit or digest of the artifact whose files are used.'),
        digest: z.string().max(64).describe('Hash of the files that are used.'),
        requirementsDigest: z.string().max(64).optional().describe('Hash of the requirements among them.'),
        namesFlytekit: z.boolean().optional().describe('The requirements name flytekit themselves.'),
        flytekit: z
          .object({
            requirements: z.string().max(64).optional().describe('sha1 of the requirements.'),
            copy: z.string().max(64).optional().describe('md5 over what copy names.'),
            sourceRoot: z.string().max(64).optional().describe('md5 over what lies below sourceRoot.'),
          })
          .optional()
          .describe("Under profile Flytekit: flytekit's own hashes of the files, which its tag counts."),
        question: z
          .string()
          .max(63)
          .optional()
          .describe('What the look Job was asked; another question needs another look.'),
      })
      .optional()
      .describe('What the source was when it was last looked at.'),
    build: z
      .object({
        jobName: z
          .string()
          .max(63)
          .describe('The Job of the latest attempt; kubectl logs job/<name> -c build shows its log.'),
        attempt: z.int().describe('Number of the attempt, counted from 1 for this content.'),
        builder: z.string().max(63).describe('Builder that made it.'),
        startTime: time.optional().describe('When the Job was created.'),
        completionTime: time.optional().describe('When it ended.'),
        seconds: z
          .object({
            queue: seconds
              .optional()
              .describe('From the creation of the Job to the start of its first step.'),
            prepare: seconds.optional().describe('Fetching and checking what the build needs.'),
            build: seconds.optional().describe("The engine's own time, push included."),
            verify: seconds.optional().describe('Asking the registry for the result.'),
          })
          .optional()
          .describe('Where the time went, in seconds.'),
      })
      .optional()
      .describe('The latest build, running or ended.'),
    lastFailure: z
      .object({
        specHash: z.string().max(64).describe('Content that failed.'),
        access: z
          .string()
          .max(64)
          .optional()
          .describe(
            'Hash of the Secrets, account, resources, time limit, builder and network (of the settings) used; changing one of them starts a new attempt.',
          ),
        reason: z.string().max(64).describe('What happened, in one word.'),
        step: z.string().max(32).describe('prepare, build, verify or index.'),
        message: z.string().max(4096).describe('The last lines of the failed step.'),
        time: time.describe('When it failed.'),
        count: z.int().describe('Failed attempts at this content.'),
      })
      .optional()
      .describe('The last failed build.'),
    rebuild: z.int().optional().describe('The last spec.rebuild that was carried out.'),
    conditions: z
      .array(conditionSchema)
      .max(8)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
      .describe(
        'Ready: an image of the observed content exists. Reconciling: work is under way. Stalled: a person must act.',
      ),
  })
  .describe('What exists, what is under way and what went wrong; written by the operator.');
export type Status = z.output<typeof statusSchema>;
export type LastFailure = NonNullable<Status['lastFailure']>;
export type BuildStatus = NonNullable<Status['build']>;
