/**
 * Recipe v1: an effective spec as a Dockerfile and the files its steps read.
 *
 * The same input gives the same text for ever; golden files hold it. No user string stands in the
 * Dockerfile or on a shell line: package names and commands are files, values of env and labels are
 * build arguments, the entrypoint is a JSON array, everything else is held to a grammar without `$`,
 * quotes and spaces. Each step mounts one folder of its own, so that a change elsewhere keeps its layer.
 */

import type { EffectiveSpec } from '../effective.ts';
import { sha256 } from '../hash.ts';
import { APT_SCRIPT, COMMANDS_SCRIPT, PYTHON_SCRIPT } from './v1-scripts.ts';

/** The tool image of recipe v1 when the Dockerfile is built by hand; the operator names its own. */
const DEFAULT_UV = 'ghcr.io/astral-sh/uv:0.12.5';

/** Build arguments the recipe leaves to the build pod's `prepare` step. */
export const ARGUMENTS = {
  /** Base image, pinned by digest. */
  base: 'IMAGESPEC_BASE',
  /** Image that holds the uv binary as /uv. */
  uv: 'IMAGESPEC_UV',
  /** User the image ends with: spec.user, else the base's own. */
  user: 'IMAGESPEC_USER',
} as const;

/** Secret mount with all certificate authorities a build trusts; no part of any cache key. */
export const CA_SECRET = 'imagespec-ca';

/** What an engine needs to build one image. */
export interface Recipe {
  readonly dockerfile: string;
  /** Path below the build context → content. */
  readonly files: Readonly<Record<string, string>>;
  /** Values that must not stand in the Dockerfile, by build argument. */
  readonly args: Readonly<Record<string, string>>;
  /** The tools whose images it names by build argument. */
  readonly tools: readonly Tool[];
}

/** BuildKit's Dockerfiles mount what a step reads; plain ones use nothing but the oldest instructions. */
export type Dialect = 'BuildKit' | 'Plain';

/** A program that builds need and images do not: its image is named by {@link ARGUMENTS}. */
export type Tool = 'uv';

export interface Options {
  readonly dialect: Dialect;
  /** Where the steps that install packages find the user's Secrets; in no hash. */
  readonly secretPaths: readonly string[];
}

/** Folders of the build context that `prepare` fills from the source. */
export const FOLDERS = {
  /** What is copied into workdir, by destination. */
  source: 'source',
  /** The requirements and all they refer to, by their path in the source. */
  requirements: 'requirements',
} as const;

/** Name of a BuildKit secret: one of spec.pipSecretMounts. */
export const secretMountId = (index: number) => `imagespec-secret-${index}`;

/** Renders recipe v1 in BuildKit's dialect. */
export function recipeV1(spec: EffectiveSpec, specHash: string, _options: Options): Recipe {
  const files: Record<string, string> = {};
  const args: Record<string, string> = {};
  const argument = (value: string): string => {
    const name = `IMAGESPEC_${Object.keys(args).length}`;
    args[name] = value;
    return name;
  };
  const step = (folder: string, script: string, own: Record<string, string>, mounts: string): string => {
    const all: Record<string, string> = { 'run.sh': script, ...own };
    for (const [name, text] of Object.entries(all)) files[`${folder}/${name}`] = text;
    const digest = sha256(
      Object.keys(all)
        .sort()
        .map((name) => `${name}\0${all[name]}\0`)
        .join(''),
    );
    return `RUN --mount=type=bind,source=${folder},target=/run/imagespec/${folder}${mounts} --mount=type=secret,id=${CA_SECRET},target=/run/imagespec-ca.crt sh -e /run/imagespec/${folder}/run.sh # sha256:${digest}`;
  };

  const needsUv = spec.packages.length > 0;
  const lines = [`ARG ${ARGUMENTS.base}=${spec.baseImage}`];
  if (needsUv) lines.push(`ARG ${ARGUMENTS.uv}=${DEFAULT_UV}`, `FROM \${${ARGUMENTS.uv}} AS imagespec-uv`);
  lines.push(`FROM \${${ARGUMENTS.base}}`, 'USER 0:0');
  if (spec.aptPackages.length > 0) {
    lines.push(
      step(
        'apt',
        APT_SCRIPT,
        { 'packages.txt': asLines(spec.aptPackages) },
        ' --mount=type=cache,id=imagespec-apt,target=/var/cache/imagespec-apt,sharing=locked',
      ),
    );
  }
  // The default base is named after its Python; any other must show that it has the one asked for.
  const askedFor = spec.pythonVersion !== undefined && spec.baseImage !== `python:${spec.pythonVersion}-slim`;
  if (needsUv || askedFor) {
    lines.push(
      step(
        'python',
        PYTHON_SCRIPT,
        { 'version.txt': `${spec.pythonVersion ?? ''}\n`, 'requirements.txt': asLines(spec.packages) },
        needsUv
          ? ' --mount=type=bind,from=imagespec-uv,source=/uv,target=/run/imagespec-uv --mount=type=cache,id=imagespec-uv,target=/var/cache/imagespec-uv'
          : '',
      ),
    );
  }
  if (spec.env.length > 0) {
    const pairs = spec.env.map(({ name, value }) => [name, argument(value)] as const);
    lines.push(...pairs.map(([, key]) => `ARG ${key}`));
    lines.push(`ENV ${pairs.map(([name, key]) => `${name}="\${${key}}"`).join(' ')}`);
  }
  // After the user's variables: a PATH of theirs must not lose the packages.
  if (needsUv) lines.push(`ENV PATH="/opt/venv/bin:\${PATH}"`);
  // As the final user, who is to own a directory that is made here.
  lines.push(
    `ARG ${ARGUMENTS.user}=${spec.user ?? '0:0'}`,
    `USER \${${ARGUMENTS.user}}`,
    `WORKDIR ${spec.workdir}`,
  );
  if (spec.commands.length > 0) {
    lines.push(
      'USER 0:0',
      step('commands', COMMANDS_SCRIPT, { 'commands.sh': asLines(spec.commands) }, ''),
      `USER \${${ARGUMENTS.user}}`,
    );
  }
  if (spec.entrypoint !== undefined) lines.push(`ENTRYPOINT ${jsonArray(spec.entrypoint)}`, 'CMD []');
  const labels = Object.keys(spec.labels)
    .sort()
    .map((name) => [name, argument(spec.labels[name] as string)] as const);
  lines.push(...labels.map(([, key]) => `ARG ${key}`));
  lines.push(
    `LABEL ${[...labels.map(([name, key]) => `${name}="\${${key}}"`), `imagespec.dev/spec-hash=${specHash}`].join(' ')}`,
  );
  return { dockerfile: asLines(lines), files, args, tools: needsUv ? ['uv'] : [] };
}

const asLines = (list: readonly string[]) => list.map((line) => `${line}\n`).join('');

/** JSON in pure ASCII, so that no character can be taken for the end of a line. */
function jsonArray(list: readonly string[]): string {
  return JSON.stringify(list).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
