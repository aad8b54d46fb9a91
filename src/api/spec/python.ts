/** Fields of the spec that say what Python and conda bring into the image, and on what base. */
import { z } from 'zod';
import {
  ABSOLUTE_FILE,
  DNS_NAME,
  hasNoCredentials,
  NO_CREDENTIALS,
  REFERENCE,
  relativePath,
  secretKeyRef,
  text,
  URL_CHARACTERS,
} from './text.ts';

/** PEP 508 and the URL forms of pip, cut down to one line without options; `requirement.ts` reads it in full. */
const REQUIREMENT = new RegExp(
  `^([A-Za-z0-9][^\\n\\r\\t$\\\\#]*|(git\\+)?(https?|ssh)://${URL_CHARACTERS}|[A-Za-z0-9][^\\n\\r\\t$\\\\#@]*@ *(git\\+)?(https?|ssh)://${URL_CHARACTERS}( *;[^\\n\\r\\t$\\\\#]*)?)$`,
);

const PACKAGE_MESSAGE =
  'write one requirement as pip takes it, for example pandas==2.2.3 or pkg @ https://host/file.whl; options (-r, --index-url) and comments do not belong here';
const packageItem = text(1024, REQUIREMENT, PACKAGE_MESSAGE, [NO_CREDENTIALS]).refine(
  hasNoCredentials,
  NO_CREDENTIALS.message,
);

const indexUrl = text(
  1024,
  new RegExp(`^https?://${URL_CHARACTERS}$`),
  'write the URL of a package index, for example https://download.pytorch.org/whl/cu126',
  [NO_CREDENTIALS],
).refine(hasNoCredentials, NO_CREDENTIALS.message);

/** Characters of conda's MatchSpec (channel::name[key=value] and name version build) without quotes and shell signs. */
const CONDA_PACKAGE = /^[A-Za-z0-9_][A-Za-z0-9_.:/ =<>!~*,|+[\]-]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is part of what is refused
const ONE_ARGUMENT = /^[^\x00\r\n]+$/;
const CONDA_CHANNEL = new RegExp(`^([A-Za-z0-9_][A-Za-z0-9_./-]*|https?://${URL_CHARACTERS})$`);

const SECRET_PATH_MESSAGE =
  'write the absolute path of a file, of letters, digits, _, . and -, for example /root/.netrc';
const ONE_SECRET = 'write each path once';
const VERSION_MESSAGE = 'write a version of numbers in quotes, for example "12.6"';
const CUDA_VERSION = /^[0-9]{1,3}(\.[0-9]{1,3}){0,3}$/;

export const pythonFields = {
  baseImage: text(
    512,
    REFERENCE,
    'write an image reference such as python:3.12-slim or ghcr.io/acme/base@sha256:<64 hex digits>, in lower case',
  )
    .optional()
    .describe('The image to build on. Counted in the tag as written. Default: python:<pythonVersion>-slim.'),
  baseImageSpecRef: z
    .object({
      name: text(63, DNS_NAME, 'write the name of an ImageSpec of this namespace').describe(
        'Name of the ImageSpec.',
      ),
    })
    .optional()
    .describe(
      'Another ImageSpec of the namespace whose image is the one to build on; this one waits until it is Ready, and is built anew when its image changes. Instead of baseImage.',
    ),
  pythonVersion: text(
    16,
    /^3\.[0-9]{1,2}(\.[0-9]{1,3})?$/,
    'write a Python version in quotes, for example "3.12" (unquoted, YAML reads 3.10 as 3.1)',
  )
    .optional()
    .describe(
      'Python of the image, "3.N" or "3.N.P"; quote it. Without baseImage it chooses the default base; with baseImage that image must contain it. With condaPackages conda installs it.',
    ),
  pythonExec: text(
    512,
    ABSOLUTE_FILE,
    'write the absolute path of an interpreter in the base image, for example /usr/local/bin/python3',
  )
    .optional()
    .describe(
      'Interpreter of the base image that the packages go on top of, in a virtual environment that sees what it has. Not together with condaPackages and condaChannels.',
    ),
  packages: z
    .array(packageItem)
    .max(512)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe(
      'Python packages, as for pip install: pandas==2.2.3, uvicorn[standard], pkg @ https://host/file.whl, git+https://host/repo@ref (needs git in aptPackages or the base). Order does not matter. They go into /opt/venv, in front of what the base image has; no credentials in URLs.',
    ),
  requirements: relativePath
    .optional()
    .describe(
      'File of the source that lists Python packages: requirements*.txt, uv.lock, poetry.lock, pylock.toml or pyproject.toml. Counted by content, with all files it refers to. A lock file excludes packages.',
    ),
  pipIndex: indexUrl
    .optional()
    .describe('Package index instead of the public one. No credentials: those go into pipSecretMounts.'),
  pipExtraIndexUrls: z
    .array(indexUrl)
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe(
      'Further package indexes. They come before the index: a package is taken from the first that knows its name.',
    ),
  pipExtraArgs: z
    .array(
      text(1024, ONE_ARGUMENT, 'write one argument in one line', [NO_CREDENTIALS]).refine(
        hasNoCredentials,
        NO_CREDENTIALS.message,
      ),
    )
    .max(32)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe(
      'Further arguments of uv pip install, one an entry, never split: ["--no-build-isolation", "--prerelease=allow"]. With uv.lock of uv sync, with poetry.lock of poetry export.',
    ),
  pipSecretMounts: z
    .array(
      z.object({
        secretKeyRef: secretKeyRef.describe('Which key of which Secret of the namespace.'),
        path: text(512, ABSOLUTE_FILE, SECRET_PATH_MESSAGE).describe(
          'Where the step that installs packages finds it, for example /root/.netrc.',
        ),
      }),
    )
    .max(8)
    .refine((mounts) => new Set(mounts.map(({ path }) => path)).size === mounts.length, ONE_SECRET)
    .optional()
    .meta({
      'x-kubernetes-list-type': 'atomic',
      'x-kubernetes-validations': [
        { rule: 'self.all(m, self.exists_one(n, n.path == m.path))', message: ONE_SECRET },
      ],
    })
    .describe(
      'Secrets as files while packages are installed, for a private index. Never in a layer, a log, the status or the tag.',
    ),
  condaPackages: z
    .array(
      text(256, CONDA_PACKAGE, 'write a conda package: name, name=version, "name >=1.2,<2" or channel::name'),
    )
    .max(256)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'set' })
    .describe(
      'Packages from conda channels, into an environment of their own at /opt/conda; the packages of pip come on top of it. The base image must have none of its own there. Order does not matter.',
    ),
  condaChannels: z
    .array(
      text(
        512,
        CONDA_CHANNEL,
        'write the name or URL of a channel, for example conda-forge or https://conda.example.com/team',
        [NO_CREDENTIALS],
      ).refine(hasNoCredentials, NO_CREDENTIALS.message),
    )
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe('Conda channels, the most wanted first. Default: conda-forge.'),
  cuda: text(16, CUDA_VERSION, VERSION_MESSAGE)
    .optional()
    .describe(
      "NVIDIA's CUDA libraries of this version (cudart, cublas, nvrtc), from their Python packages, where programs find them. The driver is the node's.",
    ),
  cudnn: text(16, CUDA_VERSION, VERSION_MESSAGE)
    .optional()
    .describe("NVIDIA's cuDNN of this version, likewise. Needs cuda."),
  runtimePackages: z
    .array(packageItem)
    .max(256)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'atomic' })
    .describe(
      'Only under profile Flytekit or with the builder noop: packages that Flyte installs when a task starts. Nothing of it is in the image or the tag.',
    ),
};

const some = (list: readonly unknown[] | undefined) => list !== undefined && list.length > 0;

/** What spans several of these fields. */
export const pythonRules = [
  {
    rule: '!(has(self.baseImage) && has(self.baseImageSpecRef))',
    message: 'write baseImage or baseImageSpecRef, not both',
    path: 'baseImageSpecRef',
    holds: (spec: { baseImage?: unknown; baseImageSpecRef?: unknown }) =>
      spec.baseImage === undefined || spec.baseImageSpecRef === undefined,
  },
  {
    rule: '!has(self.pythonExec) || ((!has(self.condaPackages) || size(self.condaPackages) == 0) && (!has(self.condaChannels) || size(self.condaChannels) == 0))',
    message: 'condaPackages and condaChannels do not go with pythonExec: conda brings a Python of its own',
    path: 'pythonExec',
    holds: (spec: {
      pythonExec?: unknown;
      condaPackages?: unknown[] | undefined;
      condaChannels?: unknown[] | undefined;
    }) => spec.pythonExec === undefined || (!some(spec.condaPackages) && !some(spec.condaChannels)),
  },
  {
    rule: '!has(self.cudnn) || has(self.cuda)',
    message: 'write cuda beside cudnn: cuDNN is made for one version of CUDA',
    path: 'cudnn',
    holds: (spec: { cuda?: unknown; cudnn?: unknown }) => spec.cudnn === undefined || spec.cuda !== undefined,
  },
] as const;
