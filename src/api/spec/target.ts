/** Fields of the spec that say where the image goes, how it is named and what makes it. */
import { z } from 'zod';
import { REFERENCE, secretRef, text } from './text.ts';

export const REGISTRY =
  /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?(\/[A-Za-z0-9._-]+)*$/;

export const REGISTRY_MESSAGE =
  'write host[:port][/path] without scheme and tag, for example ghcr.io/acme or registry.example.com:5000/team';

const TAG_MESSAGE =
  'write a tag of at most 128 letters, digits, ., _ and - that contains {spec_hash}, for example v1-{spec_hash}';

const toolImage = text(512, REFERENCE, 'write an image reference such as ghcr.io/astral-sh/uv:0.12.5');

export const targetFields = {
  recipe: z
    .enum(['v1'])
    .default('v1')
    .describe(
      'How a spec becomes an image. A new release of the operator never changes what a recipe makes, so existing images keep their tags.',
    ),
  profile: z
    .enum(['Generic', 'Flytekit'])
    .default('Generic')
    .describe(
      'Flytekit: the tag that the Python package flytekit computes for the same parameters, and an image that Flyte runs as it is (user flytekit, /root, flytekit installed). Generic: the tag of the content, and nothing in the image that was not asked for.',
    ),
  name: text(
    255,
    /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/,
    'write a repository name: lower-case letters and digits, separated by ., _ or -',
  )
    .optional()
    .describe(
      'Last part of the repository. Default: the name of the ImageSpec; under profile Flytekit, flytekit.',
    ),
  registry: text(255, REGISTRY, REGISTRY_MESSAGE)
    .optional()
    .describe(
      'Where the image goes: host[:port][/path]. Without a dot, a port or localhost in its first part it is a path on docker.io, as with Docker. Default: from the settings of the operator; profile Flytekit needs it here.',
    ),
  builder: text(
    63,
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'write the name of a builder of the operator, for example buildkit',
  )
    .optional()
    .describe(
      "What builds the image, one of the builders in the operator's settings. Default: the one with the highest priority.",
    ),
  builderOptions: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ 'x-kubernetes-preserve-unknown-fields': true })
    .describe(
      "Options of the builder, in its own words; each builder's page in the docs lists what it takes. Counted in the tag.",
    ),
  builderConfig: z
    .object({
      uvImage: toolImage
        .optional()
        .describe('Image with the uv binary as /uv, instead of the one in the settings of the operator.'),
      micromambaImage: toolImage
        .optional()
        .describe(
          'Only under profile Flytekit, where it counts in the tag. Conda packages are installed by rattler, so no image of micromamba is used.',
        ),
    })
    .optional()
    .describe('Images of the tools that a build uses. Counted in the tag if set.'),
  platforms: z
    .array(
      text(
        64,
        /^linux\/(amd64|arm64|arm|386|ppc64le|s390x|riscv64)(\/v[0-9])?$/,
        'write linux/amd64, linux/arm64 or another of arm, 386, ppc64le, s390x, riscv64',
      ),
    )
    .min(1)
    .max(8)
    .default(['linux/amd64'])
    .meta({ 'x-kubernetes-list-type': 'set' })
    .describe(
      'What the image runs on. Each platform is built on a node of its architecture; several become one image index. Order does not matter.',
    ),
  tagFormat: text(
    160,
    /^[A-Za-z0-9_{][A-Za-z0-9._{}-]*$/,
    'write a tag that contains {spec_hash}, for example v1-{spec_hash}',
  )
    .default('{spec_hash}')
    .meta({
      'x-kubernetes-validations': [
        {
          rule: "self.contains('{spec_hash}') && self.replace('{spec_hash}', '00000000000000000000000000000000').matches(r'''^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$''')",
          message: TAG_MESSAGE,
        },
      ],
    })
    .refine(
      (format) =>
        format.includes('{spec_hash}') &&
        /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(format.replaceAll('{spec_hash}', '0'.repeat(32))),
      TAG_MESSAGE,
    )
    .describe(
      "The tag; {spec_hash} stands for the first 32 hex digits of the content's hash, under profile Flytekit for flytekit's own.",
    ),
  pushSecretRef: secretRef
    .optional()
    .describe(
      'Secret of type kubernetes.io/dockerconfigjson that may push the image. Used by the build pod only; the operator never reads it.',
    ),
  pullSecretRefs: z
    .array(secretRef)
    .max(8)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('Secrets of type kubernetes.io/dockerconfigjson for private base images, and for source.oci.'),
};

type TargetSpec = {
  profile?: string;
  registry?: unknown;
  platforms?: unknown[];
  builderConfig?: { micromambaImage?: unknown } | undefined;
};

/** What spans several of these fields. */
export const targetRules = [
  {
    rule: "self.profile != 'Flytekit' || has(self.registry)",
    message: 'write registry: under profile Flytekit it is part of the tag, so it has no default',
    path: 'registry',
    holds: ({ profile, registry }: TargetSpec) => profile !== 'Flytekit' || registry !== undefined,
  },
  {
    rule: "self.profile != 'Flytekit' || size(self.platforms) == 1",
    message: 'write one platform: under profile Flytekit it is part of the tag',
    path: 'platforms',
    holds: ({ profile, platforms }: TargetSpec) => profile !== 'Flytekit' || platforms?.length === 1,
  },
  {
    rule: "self.profile == 'Flytekit' || !has(self.builderConfig) || !has(self.builderConfig.micromambaImage)",
    message:
      'take micromambaImage out: conda packages are installed by rattler; it only counts in the tag of profile Flytekit',
    path: 'builderConfig',
    holds: ({ profile, builderConfig }: TargetSpec) =>
      profile === 'Flytekit' || builderConfig?.micromambaImage === undefined,
  },
] as const;
