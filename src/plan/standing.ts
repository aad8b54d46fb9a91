/** What the status already says about the content that is wanted now. */
import type { Status } from '../api/status.ts';
import { printReference } from '../image/reference.ts';
import type { Target } from '../image/target.ts';
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
  const { target } = facts.wanted;
  const { spec } = target;
  return {
    same: speaksOf(status, target),
    ready: saysReady(status, target),
    rebuilding:
      spec.rebuild !== undefined && status?.rebuild !== undefined && status.rebuild !== spec.rebuild,
  };
}

/** Does a status say that the image of a target exists? */
export const saysReady = (status: Status | undefined, target: Target) =>
  speaksOf(status, target) && status?.resolvedImage !== undefined;

/** Does a status say that the target's number in spec.rebuild is carried out? */
export const saysRebuilt = (status: Status | undefined, { spec }: Target) =>
  spec.rebuild === undefined || status?.rebuild === spec.rebuild;

const speaksOf = (status: Status | undefined, { specHash, image }: Target) =>
  status?.specHash === specHash && status.image === printReference(image);
