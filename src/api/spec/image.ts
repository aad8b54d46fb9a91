/** Fields of the spec that say what is in the image besides Python, and how it starts. */
import { z } from 'zod';
import { ABSOLUTE, anyText, text } from './text.ts';

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
  value: anyText(32 * 1024, [{ rule: 'bytes(self).size() <= 32768', message: VALUE_MESSAGE }])
    .refine((value) => new TextEncoder().encode(value).length <= 32 * 1024, VALUE_MESSAGE)
    .describe('Its value, taken literally: spaces, quotes, newlines and $ arrive as written.'),
});

const aptItem = text(
  256,
  /^[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9]+)?(=[0-9A-Za-z.+:~-]*[0-9A-Za-z.+:~])?$/,
  'write a Debian package: name, name:architecture or name=version',
);

export const imageFields = {
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
  workdir: text(512, ABSOLUTE, 'write an absolute path of letters, digits, _, . and -, for example /app')
    .optional()
    .describe(
      'Working directory of the image, of commands and of copied files; created for the final user where it does not exist. Default: /app; under profile Flytekit, /root.',
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
};
