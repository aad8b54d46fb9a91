/** A source known from its digests alone: what a look Job told, or the status remembers. */
import { type FlytekitDigests, type ResolvedSource, requirementsKind, type Selection } from './inputs.ts';

/** What is kept of a source; the rest of {@link ResolvedSource} follows from the spec. */
export interface SourceDigests {
  readonly revision?: string | undefined;
  readonly digest: string;
  readonly requirementsDigest?: string | undefined;
  readonly namesFlytekit?: boolean | undefined;
  readonly flytekit?: FlytekitDigests | undefined;
}

/** What is told and kept of a source. */
export function digestsOf(source: ResolvedSource): SourceDigests {
  const { revision, digest, requirements, namesFlytekit, flytekit } = source;
  return { revision, digest, requirementsDigest: requirements?.digest, namesFlytekit, flytekit };
}

export function rememberedSource(selection: Selection, told: SourceDigests): ResolvedSource {
  const { revision, digest, requirementsDigest, namesFlytekit, flytekit } = told;
  const main = selection.requirements;
  const kind = main === undefined ? undefined : requirementsKind(main);
  return {
    digest,
    copied: selection.copyAll || selection.copy.length > 0,
    ...(revision === undefined ? {} : { revision }),
    ...(main === undefined || kind === undefined || requirementsDigest === undefined
      ? {}
      : { requirements: { kind, main, digest: requirementsDigest } }),
    ...(namesFlytekit ? { namesFlytekit } : {}),
    ...(flytekit === undefined ? {} : { flytekit }),
  };
}
