/**
 * What an administrator writes of a pod whose build step is a program of their own choice: the container, and what of
 * the pod it needs. Fields that Kubernetes checks itself are passed on as they are.
 */
import { z } from 'zod';
import { resourcesSchema } from './resources.ts';

/** Names of volumes that pods of builds have already. */
const TAKEN = /^(work|auth|podinfo|push|pull-\d+|config-map|git-secret|secret-mount-\d+)$/;

const variable = z.strictObject({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'write the name of a variable'),
  value: z.string().max(4096),
});

const containerSchema = z.strictObject({
  image: z.string().min(1).max(512).describe('image of the program'),
  command: z.array(z.string().max(32_768)).min(1).max(64).optional().describe('as in a Pod'),
  args: z.array(z.string().max(32_768)).max(64).optional().describe('as in a Pod'),
  env: z
    .array(variable)
    .max(64)
    .optional()
    .describe('further variables; of two with the same name these count'),
  resources: resourcesSchema.optional().describe('instead of those of the build'),
  securityContext: z
    .looseObject({
      runAsUser: z
        .int({ error: 'write the user as a number; it alone, and root, can read what the other steps write' })
        .min(0)
        .describe('the user as a number; it alone, and root, can read what the other steps write'),
    })
    .describe('as in a Pod'),
  volumeMounts: z
    .array(
      z.looseObject({
        name: z.string().min(1).max(63),
        mountPath: z
          .string()
          .regex(/^\/./, 'write an absolute path')
          .refine(
            (path) => !/^\/(workspace|imagespec)(\/|$)/.test(path),
            '/workspace and /imagespec are those of the build; choose another path',
          ),
      }),
    )
    .max(16)
    .optional()
    .describe('mounts of the volumes below'),
});

export const buildTemplateSchema = z.strictObject({
  container: containerSchema.describe(
    'the container that builds and pushes; docs/builders.md has the contract',
  ),
  volumes: z
    .array(
      z.looseObject({
        name: z
          .string()
          .max(63)
          .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'write a lower-case name')
          .refine((name) => !TAKEN.test(name), 'pods of builds have a volume of this name; choose another'),
      }),
    )
    .max(16)
    .optional()
    .describe('as in a Pod, for example an emptyDir for storage'),
  nodeSelector: z.record(z.string(), z.string()).optional().describe('as in a Pod'),
  tolerations: z.array(z.looseObject({})).max(16).optional().describe('as in a Pod'),
  runtimeClassName: z.string().max(253).optional().describe('as in a Pod'),
  hostUsers: z.boolean().optional().describe('as in a Pod: false gives it a user namespace'),
});
export type BuildTemplate = z.output<typeof buildTemplateSchema>;
