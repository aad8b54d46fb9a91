/**
 * What a spec refers to and does not hold itself, by what it resolved to: its source and its base ImageSpec.
 *
 * Pure: whoever looked (a look Job, a ConfigMap, the cache of ImageSpecs) hands the answers over.
 */
import type { Spec } from '../api/image-spec.ts';

export type RequirementsKind =
  | 'requirements.txt'
  | 'uv.lock'
  | 'poetry.lock'
  | 'pylock.toml'
  | 'pyproject.toml';

/** What a file of requirements is, by its name; undefined for a name that says nothing. */
export function requirementsKind(path: string): RequirementsKind | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === 'uv.lock' || name === 'poetry.lock' || name === 'pyproject.toml') return name;
  if (/^pylock\.([^.]+\.)?toml$/.test(name)) return 'pylock.toml';
  return name.endsWith('.txt') ? 'requirements.txt' : undefined;
}

/** Which files of a source are used. */
export interface Selection {
  readonly requirements?: string | undefined;
  readonly copy: readonly string[];
  readonly sourceRoot?: string | undefined;
  readonly copyAll: boolean;
  /** Profile Flytekit: its own digests are wanted too. */
  readonly flytekit?: true | undefined;
}

/** What flytekit's tag counts of files; each there if the spec names such files. */
export interface FlytekitDigests {
  /** sha1 of the requirements, in hex. */
  readonly requirements?: string | undefined;
  /** md5 over what `copy` names, in hex. */
  readonly copy?: string | undefined;
  /** md5 over what lies below `sourceRoot`, in hex. */
  readonly sourceRoot?: string | undefined;
}

/** The file that spec.requirements names, with all it refers to. */
export interface ResolvedRequirements {
  readonly kind: RequirementsKind;
  readonly main: string;
  /** 64 hex digits over the requirements alone: what the layer of Python packages depends on. */
  readonly digest: string;
}

/** The used part of a source. */
export interface ResolvedSource {
  /** Commit or artifact's digest; what does not move has none. */
  readonly revision?: string;
  /** 64 hex digits over destination, content and mode of all that is used. */
  readonly digest: string;
  readonly copied: boolean;
  readonly requirements?: ResolvedRequirements;
  /** The requirements ask for flytekit themselves. */
  readonly namesFlytekit?: boolean;
  /** There if the selection asked for it. */
  readonly flytekit?: FlytekitDigests;
}

/** An ImageSpec that another builds on; profile Flytekit counts what it is, not only its image. */
export interface BaseSpec {
  /** Its image: host/repository:tag. */
  readonly name: string;
  readonly spec?: Spec;
  /** What it builds on itself, where that is an ImageSpec too. */
  readonly base?: BaseSpec;
}

/** The image of another ImageSpec. */
export interface ResolvedBase extends BaseSpec {
  /** host/repository:tag@digest */
  readonly image: string;
  readonly digest: string;
}

export interface Inputs {
  readonly source?: ResolvedSource;
  readonly base?: ResolvedBase;
}

/** Which files of its source a spec uses; undefined without a source. */
export function selectionOf(spec: Spec): Selection | undefined {
  if (spec.source === undefined) return undefined;
  return {
    copy: [...(spec.copy ?? [])],
    copyAll: spec.sourceCopyMode === 'All',
    ...(spec.requirements === undefined ? {} : { requirements: spec.requirements }),
    ...(spec.sourceRoot === undefined ? {} : { sourceRoot: spec.sourceRoot }),
    ...(spec.profile === 'Flytekit' ? { flytekit: true } : {}),
  };
}
