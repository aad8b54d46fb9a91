/**
 * What a spec refers to and does not hold itself, by what it resolved to: its source and its base ImageSpec.
 *
 * Pure: whoever looked (a look Job, a ConfigMap, the cache of ImageSpecs) hands the answers over.
 */
import type { Spec } from '../api/image-spec.ts';

/** What a file of requirements is, told by its name. */
export type RequirementsKind =
  | 'requirements.txt'
  | 'uv.lock'
  | 'poetry.lock'
  | 'pylock.toml'
  | 'pyproject.toml';

/** Which files of a source are used. */
export interface Selection {
  readonly requirements?: string;
  readonly copy: readonly string[];
  readonly sourceRoot?: string;
  readonly copyAll: boolean;
}

/** The used part of a source. */
export interface ResolvedSource {
  /** Commit or artifact's digest; what does not move has none. */
  readonly revision?: string;
  /** 64 hex digits over destination, content and mode of all that is used. */
  readonly digest: string;
  readonly copied: boolean;
  readonly requirements?: { readonly kind: RequirementsKind; readonly main: string };
  /** The requirements ask for flytekit themselves. */
  readonly namesFlytekit?: boolean;
}

/** The image of another ImageSpec. */
export interface ResolvedBase {
  /** host/repository:tag@digest */
  readonly image: string;
  readonly digest: string;
  /** host/repository:tag, by which it enters flytekit's tag. */
  readonly name: string;
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
  };
}
