/** Where the image is told besides the status. */
import { z } from 'zod';
import { DNS_NAME, text } from './text.ts';

export const publishFields = {
  publish: z
    .object({
      configMap: z
        .object({
          name: text(
            253,
            DNS_NAME,
            'write the name of a ConfigMap: lower-case letters, digits, - and .',
          ).describe(
            'Name of the ConfigMap. One that exists and does not belong to this ImageSpec is left alone.',
          ),
        })
        .describe(
          'A ConfigMap of the namespace that the operator keeps while the image exists, with the keys IMAGE, DIGEST, TAG and REPOSITORY, and _F_RUNTIME_PACKAGES for runtimePackages.',
        ),
    })
    .optional()
    .describe(
      'Tells the image in a ConfigMap, for pods and tools that read those. Nothing of it changes the tag.',
    ),
};

type PublishSpec = {
  publish?: { configMap: { name: string } } | undefined;
  source?: { configMapRef?: { name: string } | undefined } | undefined;
};

/** What spans the publication and another field. */
export const publishRules = [
  {
    rule: '!has(self.publish) || !has(self.source) || !has(self.source.configMapRef) || self.publish.configMap.name != self.source.configMapRef.name',
    message:
      'publish to another ConfigMap than that of source.configMapRef: each new image would be a new source, and so another image',
    path: 'publish',
    holds: ({ publish, source }: PublishSpec) =>
      publish === undefined || publish.configMap.name !== source?.configMapRef?.name,
  },
] as const;
