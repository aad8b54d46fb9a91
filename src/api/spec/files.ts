/** Fields of the spec that bring files of the user's own: where they come from and which are copied. */
import { z } from 'zod';
import { DNS_NAME, FILE_PATH, REFERENCE, relativePath, secretRef, text } from './text.ts';

/** All inline files together; what is larger belongs into a ConfigMap, git or an artifact. */
const MAX_FILES_BYTES = 128 * 1024;
const FILES_MESSAGE = 'write at most 128 KiB of files here; larger ones belong into configMapRef, git or oci';

const GIT_URL =
  /^(https?:\/\/[A-Za-z0-9][^\s@\\"'`$<>?#]*\/[^\s@\\"'`$<>?#]*|ssh:\/\/([A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?\/[^\s@\\"'`$<>?#]*|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^\s@\\"'`$<>?#:-][^\s@\\"'`$<>?#:]*)$/;
/** A part of git's own rules for ref names (git-check-ref-format); git itself judges the rest. */
const GIT_REF = /^[A-Za-z0-9_][A-Za-z0-9_.+@#%=,/-]*$/;
const NOT_IN_REF = /\.\.|\/\/|\.lock$|[./]$/;
const REF_MESSAGE = 'write a branch, a tag or a full ref such as refs/heads/main';

const ONE_SOURCE = 'write exactly one of files, configMapRef, git and oci';
const ONE_REVISION = 'write ref or commit, not both';

/** All paths together: a look takes them with it, as a build does. */
const MAX_COPY_BYTES = 64 * 1024;
const COPY_MESSAGE = 'write at most 64 KiB of paths; name their folder instead';

const bytesOf = (texts: readonly string[]) =>
  texts.reduce((sum, one) => sum + new TextEncoder().encode(one).length, 0);

const FILE_NAMES =
  'name each file by a relative path below the source, without .., control characters and \\, for example app/main.py';

const source = z
  .object({
    files: z
      .record(z.string().max(512), z.string().max(MAX_FILES_BYTES, FILES_MESSAGE))
      .refine((files) => Object.keys(files).length <= 128, 'write at most 128 files')
      .refine((files) => Object.keys(files).every((name) => FILE_PATH.test(name)), FILE_NAMES)
      .refine((files) => bytesOf(Object.values(files)) <= MAX_FILES_BYTES, FILES_MESSAGE)
      .optional()
      .meta({
        maxProperties: 128,
        'x-kubernetes-validations': [
          {
            rule: `self.all(k, k.size() <= 512 && k.matches(r'''${FILE_PATH.source}'''))`,
            message: FILE_NAMES,
          },
          {
            rule: `self.map(k, bytes(self[k]).size()).sum() <= ${MAX_FILES_BYTES}`,
            message: FILES_MESSAGE,
          },
        ],
      })
      .describe('The files themselves: path to text. At most 128 KiB together.'),
    configMapRef: z
      .object({
        name: text(253, DNS_NAME, 'write the name of a ConfigMap').describe('Name of the ConfigMap.'),
      })
      .optional()
      .describe('A ConfigMap of the namespace: each key is a file. A change of it makes a new image.'),
    git: z
      .object({
        url: text(
          1024,
          GIT_URL,
          'write the URL of a git repository: https://host/path, ssh://git@host/path or git@host:path, without password; those go into secretRef',
        ).describe('Repository, over https, http or ssh.'),
        ref: text(255, GIT_REF, REF_MESSAGE, [
          { rule: `!self.matches(r'''${NOT_IN_REF.source}''')`, message: REF_MESSAGE },
        ])
          .refine((ref) => !NOT_IN_REF.test(ref), REF_MESSAGE)
          .optional()
          .describe(
            "Branch or tag; it is followed. Default: the repository's own default branch. A branch goes before a tag of the same name.",
          ),
        commit: text(64, /^([0-9a-f]{40}|[0-9a-f]{64})$/, 'write the full hash of a commit, in lower case')
          .optional()
          .describe('One commit, for ever; instead of ref.'),
        secretRef: secretRef
          .optional()
          .describe(
            'Secret with username and password (kubernetes.io/basic-auth), or ssh-privatekey and known_hosts (kubernetes.io/ssh-auth).',
          ),
      })
      .refine(({ ref, commit }) => ref === undefined || commit === undefined, {
        message: ONE_REVISION,
        path: ['commit'],
      })
      .optional()
      .meta({
        'x-kubernetes-validations': [
          { rule: '!(has(self.ref) && has(self.commit))', message: ONE_REVISION, fieldPath: '.commit' },
        ],
      })
      .describe('A git repository. The commit that was used is in status.source.revision.'),
    oci: z
      .object({
        image: text(
          512,
          REFERENCE,
          'write the reference of an artifact, such as ghcr.io/acme/app-source:main',
        ).describe('Artifact or image in a registry; a tag is followed, a digest is for ever.'),
      })
      .optional()
      .describe(
        'An OCI artifact, as flux push artifact and oras push make them, or an image. Private ones by pullSecretRefs.',
      ),
  })
  .refine(
    ({ files, configMapRef, git, oci }) =>
      [files, configMapRef, git, oci].filter((one) => one !== undefined).length === 1,
    ONE_SOURCE,
  )
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '[has(self.files), has(self.configMapRef), has(self.git), has(self.oci)].filter(x, x).size() == 1',
        message: ONE_SOURCE,
      },
    ],
  });

export const fileFields = {
  source: source
    .optional()
    .describe(
      'Where the files of copy, requirements and sourceCopyMode come from: exactly one of files, configMapRef, git and oci. Counted by the content of what is used of it.',
    ),
  sourceRoot: relativePath
    .optional()
    .describe(
      'Folder of the source whose content sourceCopyMode: All copies into workdir. Default: its top.',
    ),
  sourceCopyMode: z
    .enum(['NoCopy', 'All'])
    .optional()
    .describe('All copies everything below sourceRoot into workdir, .git left out. Default: NoCopy.'),
  copy: z
    .array(relativePath)
    .max(128)
    .refine((paths) => bytesOf(paths) <= MAX_COPY_BYTES, COPY_MESSAGE)
    .optional()
    .meta({
      'x-kubernetes-list-type': 'atomic',
      'x-kubernetes-validations': [
        { rule: `self.map(p, bytes(p).size()).sum() <= ${MAX_COPY_BYTES}`, message: COPY_MESSAGE },
      ],
    })
    .describe(
      'Files and folders of the source to copy, after the packages and before commands; each keeps its path, below workdir, and belongs to the final user.',
    ),
};

type FileSpec = {
  source?: unknown;
  sourceCopyMode?: string | undefined;
  copy?: unknown[] | undefined;
  requirements?: unknown;
  sourceRoot?: unknown;
};

/** What spans several of these fields. */
export const fileRules = [
  {
    rule: "has(self.source) || !(has(self.requirements) || (has(self.copy) && size(self.copy) > 0) || has(self.sourceRoot) || (has(self.sourceCopyMode) && self.sourceCopyMode == 'All'))",
    message:
      'write source: requirements, copy, sourceRoot and sourceCopyMode need somewhere to take the files from',
    path: 'source',
    holds: ({ source, requirements, copy, sourceRoot, sourceCopyMode }: FileSpec) =>
      source !== undefined ||
      !(
        requirements !== undefined ||
        (copy !== undefined && copy.length > 0) ||
        sourceRoot !== undefined ||
        sourceCopyMode === 'All'
      ),
  },
] as const;
