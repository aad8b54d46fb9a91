/** What fetching a source can come to. */
import type { Problem } from '../image/effective.ts';
import type { Tree } from '../image/tree.ts';

/**
 * Why a source cannot be had; "could not ask" is never "missing".
 *
 * `unavailable` may pass by itself, `absent` and `denied` heal where the source lives or by an edit, `invalid`
 * is what no retry helps: an archive that is none, more than the bounds.
 */
export type Missing = 'unavailable' | 'absent' | 'denied' | 'invalid';

export interface Fetched {
  /** Commit or artifact's digest; what does not move has none. */
  readonly revision?: string;
  readonly tree: Tree;
}

/** Thrown by what fetches; the field is the spec's that names it. */
export class SourceFailure extends Error {
  override name = 'SourceFailure';
  readonly kind: Missing;
  readonly problem: Problem;

  constructor(kind: Missing, problem: Problem, options?: ErrorOptions) {
    super(`${problem.field}: ${problem.message}`, options);
    this.kind = kind;
    this.problem = problem;
  }
}
