/** Fields of the spec that say how and when the build runs; none of them changes the tag. */
import { z } from 'zod';
import { resourcesSchema } from '../resources.ts';
import { DNS_NAME, text } from './text.ts';

export const buildFields = {
  build: z
    .object({
      serviceAccountName: text(253, DNS_NAME, 'write the name of a ServiceAccount')
        .optional()
        .describe('ServiceAccount of the build pod, for cloud identities. Its token is not mounted.'),
      timeoutSeconds: z
        .int()
        .min(30)
        .max(86_400)
        .optional()
        .describe('Longest time one attempt may run, in seconds.'),
      retries: z
        .int()
        .min(0)
        .max(10)
        .optional()
        .describe('Further attempts after a failure that may pass by itself (memory, disk, time, network).'),
      resources: resourcesSchema
        .optional()
        .describe("Requests and limits of the build. What is not set comes from the operator's settings."),
      queueName: text(63, DNS_NAME, 'write the name of a Kueue LocalQueue')
        .optional()
        .describe('Kueue LocalQueue that admits the build Job.'),
    })
    .optional()
    .describe('How the build runs; none of it changes the tag.'),
  suspend: z
    .boolean()
    .optional()
    .describe('true: neither asks registries nor builds. A running build goes on.'),
  rebuild: z
    .int()
    .min(0)
    .max(2_147_483_647)
    .optional()
    .describe(
      'Any new number builds and pushes the same content again, for example after a security fix in the base image. The old image stays usable meanwhile.',
    ),
};
