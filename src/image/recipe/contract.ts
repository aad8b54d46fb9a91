/** What a recipe gives to an engine and to `prepare`: names both sides know. */

/** Build arguments the recipe leaves to the build pod's `prepare` step. */
export const ARGUMENTS = {
  /** Base image, pinned by digest. */
  base: 'IMAGESPEC_BASE',
  /** Image that holds the uv binary as /uv. */
  uv: 'IMAGESPEC_UV',
  /** Image with a Python in which conda packages are chosen and unpacked. */
  conda: 'IMAGESPEC_CONDA',
  /** User the image ends with: spec.user, else the base's own. */
  user: 'IMAGESPEC_USER',
} as const;

/** Secret mount with all certificate authorities a build trusts; no part of any cache key. BuildKit only. */
export const CA_SECRET = 'imagespec-ca';

/** What an engine needs to build one image. */
export interface Recipe {
  readonly dockerfile: string;
  /** Path below the build context → content. */
  readonly files: Readonly<Record<string, string>>;
  /** Values that must not stand in the Dockerfile, by build argument. */
  readonly args: Readonly<Record<string, string>>;
  /** The tools it needs: by build argument in BuildKit's dialect, as {@link PLAIN} says in the other. */
  readonly tools: readonly Tool[];
  /** Plain dialect: all labels of the image, for the engine to set; none stands in the Dockerfile. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * BuildKit's Dockerfiles mount what a step reads. Plain ones use nothing but the oldest instructions, and their engine
 * shows every step the folder of {@link PLAIN}, which is in no layer.
 */
export type Dialect = 'BuildKit' | 'Plain';

/** What the steps of a Plain Dockerfile find, all of it outside the image: a volume's place in the engine's pod. */
export const PLAIN = {
  /** The build context. */
  context: '/imagespec/work/context',
  /** The binary of uv. */
  uv: '/imagespec/work/context/tools/uv',
  /** All certificate authorities a build trusts, as one file; always there. */
  ca: '/imagespec/work/ca.crt',
  /** Room for what is not to be in the image. */
  cache: '/imagespec/work/cache',
} as const;

/** A program that builds need and images do not: its image is named by {@link ARGUMENTS}. */
export type Tool = 'uv' | 'conda';

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
