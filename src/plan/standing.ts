/** What the status already says about the content that is wanted now. */
import { printReference } from '../image/reference.ts';
import type { Facts } from './facts.ts';

export interface Standing {
  /** It speaks of the wanted content and destination. */
  readonly same: boolean;
  /** It says that an image of them exists: it names one only then. */
  readonly ready: boolean;
  /** A new number in spec.rebuild is not carried out yet; the first one ever seen is adopted without a build. */
  readonly rebuilding: boolean;
}

export function standingOf(facts: Facts): Standing {
  const { status } = facts.object;
  if (!('target' in facts.wanted)) {
    // While nobody can say what is wanted now, what the status says of the same spec still holds.
    const same = 'waiting' in facts.wanted && status?.observedGeneration === facts.object.metadata.generation;
    return { same, ready: same && status?.resolvedImage !== undefined, rebuilding: false };
  }
  const { specHash, image, spec } = facts.wanted.target;
  const same = status?.specHash === specHash && status.image === printReference(image);
  return {
    same,
    ready: same && status.resolvedImage !== undefined,
    rebuilding:
      spec.rebuild !== undefined && status?.rebuild !== undefined && status.rebuild !== spec.rebuild,
  };
}
