/**
 * The ImageSpec resource: what users write (`spec`), and how an object is read; `status.ts` has the other half.
 *
 * One zod schema serves twice. `scripts/generate.ts` makes the CRD of it, where every pattern becomes a
 * CEL rule with a sentence; the operator parses each object with it at the door. Patterns stay in the
 * subset that RE2 and JavaScript share. Objects are not strict: a field of a newer release is ignored,
 * never refused.
 */
import { z } from 'zod';
import { resourcesSchema } from './resources.ts';
import { type Status, statusSchema } from './status.ts';

/** A string held to a pattern, with the sentence that says what to write instead. */
function text(max: number, pattern: RegExp, message: string) {
  return z
    .string()
    .min(1)
    .max(max)
    .regex(pattern, message)
    .meta({ 'x-kubernetes-validations': [{ rule: `self.matches(r'''${pattern.source}''')`, message }] });
}

/** Any text but NUL, which no environment, file name or argument can carry. */
const anyText = (max: number) =>
  z
    .string()
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what is looked for
    .regex(/^[^\x00]*$/, 'take out the NUL character')
    .meta({
      'x-kubernetes-validations': [
        { rule: `self.matches(r'''^[^\\x00]*$''')`, message: 'take out the NUL character' },
      ],
    });

/** RFC 1123, as Kubernetes names most objects. */
const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const SECRET_NAME = text(253, DNS_NAME, 'write the name of a Secret: lower-case letters, digits, - and .');

const secretRef = z.object({
  name: SECRET_NAME.describe('Name of the Secret, in the namespace of the ImageSpec.'),
});

const REGISTRY =
  /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?(\/[A-Za-z0-9._-]+)*$/;

const REFERENCE =
  /^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?\/)?[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$/;

/** PEP 508 and the URL forms of pip, cut down to one line without options; `requirement.ts` reads it in full. */
const REQUIREMENT =
  /^([A-Za-z0-9][^\n\r\t$\\#]*|(git\+)?(https?|ssh):\/\/[^\s$\\"'<>]+|[A-Za-z0-9][^\n\r\t$\\#@]*@ *(git\+)?(https?|ssh):\/\/[^\s$\\"'<>]+( *;[^\n\r\t$\\#]*)?)$/;

const LABEL_NAME = /^[a-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/;
const LABEL_MESSAGE =
  'write label names of letters, digits, ., _, / and -, for example org.opencontainers.image.source';

const USER = /^[0-9]{1,5}(:[0-9]{1,5})?$/;
// A rootless build has 65536 ids to give files to.
const USER_MESSAGE = 'write a numeric user, with a group if wanted, none above 65535: 1000 or 1000:1000';
const isUser = (user: string) => user.split(':').every((id) => Number(id) <= 65_535);

const VALUE_MESSAGE = 'write at most 32 KiB (32768 bytes)';

const envEntry = z.object({
  name: text(
    256,
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    'write a variable name: letters, digits and _, not beginning with a digit',
  ).describe('Name of the variable. Names beginning with IMAGESPEC_ are kept for the build itself.'),
  value: anyText(32 * 1024)
    .refine((value) => new TextEncoder().encode(value).length <= 32 * 1024, VALUE_MESSAGE)
    .meta({
      'x-kubernetes-validations': [
        { rule: `self.matches(r'''^[^\\x00]*$''')`, message: 'take out the NUL character' },
        { rule: 'bytes(self).size() <= 32768', message: VALUE_MESSAGE },
      ],
    })
    .describe('Its value, taken literally: spaces, quotes, newlines and $ arrive as written.'),
});

const PACKAGE_MESSAGE =
  'write one requirement as pip takes it, for example pandas==2.2.3 or pkg @ https://host/file.whl; options (-r, --index-url) and comments do not belong here';
const packageItem = text(1024, REQUIREMENT, PACKAGE_MESSAGE).meta({
  'x-kubernetes-validations': [
    { rule: `self.matches(r'''${REQUIREMENT.source}''')`, message: PACKAGE_MESSAGE },
    {
      rule: "!self.matches(r'''https?://[^/?#]*@|://[^/@]*:[^/@]*@''')",
      message:
        'take the user, password or token out of the URL: everybody who may read the ImageSpec would read it',
    },
  ],
});

const aptItem = text(
  256,
  /^[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9]+)?(=[0-9A-Za-z.+:~-]*[0-9A-Za-z.+:~])?$/,
  'write a Debian package: name, name:architecture or name=version',
);

export const specSchema = z
  .object({
    recipe: z
      .enum(['v1'])
      .default('v1')
      .describe(
        'How a spec becomes an image. A new release of the operator never changes what a recipe makes, so existing images keep their tags.',
      ),
    name: text(
      255,
      /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/,
      'write a repository name: lower-case letters and digits, separated by ., _ or -',
    )
      .optional()
      .describe('Last part of the repository. Default: the name of the ImageSpec.'),
    registry: text(
      255,
      REGISTRY,
      'write host[:port][/path] without scheme and tag, for example ghcr.io/acme or registry.example.com:5000/team',
    )
      .optional()
      .describe(
        'Where the image goes: host[:port][/path]. Without a dot, a port or localhost in its first part it is a path on docker.io, as with Docker. Default: from the settings of the operator.',
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
    baseImage: text(
      512,
      REFERENCE,
      'write an image reference such as python:3.12-slim or ghcr.io/acme/base@sha256:<64 hex digits>',
    )
      .optional()
      .describe(
        'The image to build on. Counted in the tag as written. Default: python:<pythonVersion>-slim.',
      ),
    pythonVersion: text(
      16,
      /^3\.[0-9]{1,2}(\.[0-9]{1,3})?$/,
      'write a Python version in quotes, for example "3.12" (unquoted, YAML reads 3.10 as 3.1)',
    )
      .optional()
      .describe(
        'Python of the image, "3.N" or "3.N.P"; quote it. Without baseImage it chooses the default base; with baseImage that image must contain it.',
      ),
    packages: z
      .array(packageItem)
      .max(512)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe(
        'Python packages, as for pip install: pandas==2.2.3, uvicorn[standard], pkg @ https://host/file.whl, git+https://host/repo@ref (needs git in aptPackages or the base). Order does not matter. They go into /opt/venv, in front of what the base image has; no credentials in URLs.',
      ),
    aptPackages: z
      .array(aptItem)
      .max(256)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'set' })
      .describe('Debian packages: name, name:architecture or name=version. Order does not matter.'),
    env: z
      .array(envEntry)
      .max(128)
      .refine(
        (list) => list.every((entry) => !entry.name.startsWith('IMAGESPEC_')),
        'choose another name: variables that begin with IMAGESPEC_ are used by the build',
      )
      .refine(
        (list) => new Set(list.map((entry) => entry.name)).size === list.length,
        'name each variable once',
      )
      .optional()
      .meta({
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-validations': [
          {
            rule: "self.all(e, !e.name.startsWith('IMAGESPEC_'))",
            message: 'choose another name: variables that begin with IMAGESPEC_ are used by the build',
          },
        ],
      })
      .describe('Environment variables of the image.'),
    commands: z
      .array(anyText(16 * 1024))
      .max(64)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe(
        'Shell commands (sh -e), run in order as root in workdir, after packages and env. One script: a cd carries over.',
      ),
    entrypoint: z
      .array(anyText(4096))
      .max(64)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'atomic' })
      .describe(
        "The image's entrypoint. Setting it empties the base image's CMD; an empty list removes the base image's entrypoint.",
      ),
    workdir: text(
      512,
      /^\/([A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*)?$/,
      'write an absolute path of letters, digits, _, . and -, for example /app',
    )
      .default('/app')
      .describe(
        'Working directory of the image and of commands; created for the final user where it does not exist.',
      ),
    user: text(11, USER, USER_MESSAGE)
      .refine(isUser, USER_MESSAGE)
      .meta({
        'x-kubernetes-validations': [
          {
            rule: `self.matches(r'''${USER.source}''') && self.split(':').all(id, int(id) <= 65535)`,
            message: USER_MESSAGE,
          },
        ],
      })
      .optional()
      .describe(
        "User of the image, uid[:gid], at most 65535 each. Default: the base image's. Kubernetes takes the uid of it; a group comes from the pod's securityContext.",
      ),
    labels: z
      .record(z.string().max(128), anyText(4096))
      .refine((labels) => Object.keys(labels).length <= 64, 'write at most 64 labels')
      .refine((labels) => Object.keys(labels).every((name) => LABEL_NAME.test(name)), LABEL_MESSAGE)
      .optional()
      .meta({
        maxProperties: 64,
        'x-kubernetes-validations': [
          {
            rule: `self.all(k, k.size() <= 128 && k.matches(r'''${LABEL_NAME.source}'''))`,
            message: LABEL_MESSAGE,
          },
        ],
      })
      .describe('Labels of the image (not of Kubernetes objects).'),
    platforms: z
      .array(
        text(
          64,
          /^linux\/(amd64|arm64|arm|386|ppc64le|s390x|riscv64)(\/v[0-9])?$/,
          'write linux/amd64, linux/arm64 or another of arm, 386, ppc64le, s390x, riscv64',
        ),
      )
      .min(1)
      .max(1, 'this release builds for one platform')
      .default(['linux/amd64'])
      .meta({ 'x-kubernetes-list-type': 'set' })
      .describe('What the image runs on. This release builds one platform.'),
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
            message:
              'write a tag of at most 128 letters, digits, ., _ and - that contains {spec_hash}, for example v1-{spec_hash}',
          },
        ],
      })
      .refine(
        (format) =>
          format.includes('{spec_hash}') &&
          /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(format.replaceAll('{spec_hash}', '0'.repeat(32))),
        'write a tag of at most 128 letters, digits, ., _ and - that contains {spec_hash}, for example v1-{spec_hash}',
      )
      .describe("The tag; {spec_hash} stands for the first 32 hex digits of the content's hash."),
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
      .describe('Secrets of type kubernetes.io/dockerconfigjson for private base images.'),
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
          .describe(
            'Further attempts after a failure that may pass by itself (memory, disk, time, network).',
          ),
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
