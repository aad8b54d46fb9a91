/**
 * Decide what one ImageSpec needs next, from facts alone.
 *
 * Nothing here talks to the network, reads a clock or logs: the same facts always give the same plan. `image.ts`
 * decides about the image itself, once it is known which one is wanted.
 */
import { say } from '../api/reasons.ts';
import type { Status } from '../api/status.ts';
import { type Action, type Decision, decision } from './decision.ts';
import type { Facts } from './facts.ts';
import { decideImage } from './image.ts';
import type { Note } from './notes.ts';
import { obstacleNote, publishing, unpublished } from './publish.ts';
import { standingOf } from './standing.ts';
import { statusOf } from './status.ts';

export interface Plan {
  readonly actions: readonly Action[];
  readonly status: Status;
  /** Events to record, once each. */
  readonly notes: readonly Note[];
  /** When to look again if nothing happens before, in milliseconds. */
  readonly requeueAfterMs?: number;
}

/** @param facts what `observe` gathered */
export function plan(facts: Facts): Plan {
  const { state, pauseMs, actions } = decide(facts);
  const strays = facts.strays.map(leave);
  const looks = (facts.looks ?? []).map((look): Action => ({ kind: 'create-look', look }));
  const { status, notes } = statusOf(facts, state);
  const { obstacle, actions: publish } = publishing(facts, status);
  const pause = Math.min(pauseMs ?? Infinity, facts.lookAgainMs ?? Infinity, obstacle?.againMs ?? Infinity);
  return {
    // An image that exists is not kept waiting by another that is to be built.
    actions: [...publish, ...strays, ...looks, ...actions],
    status: obstacle ? unpublished(status, obstacle, facts) : status,
    notes: obstacle ? [...notes, ...obstacleNote(obstacle, facts.object.status)] : notes,
    ...(pause === Infinity ? {} : { requeueAfterMs: pause }),
  };
}

function decide(facts: Facts): Decision {
  const { wanted } = facts;
  if ('problems' in wanted) {
    return decision({ kind: 'stalled', reason: 'InvalidSpec', message: say.invalid(wanted.problems) });
  }
  if ('waiting' in wanted) {
    const { reason, message, againMs, suspended } = wanted.waiting;
    return suspended
      ? decision({ kind: 'suspended' })
      : decision({ kind: 'waiting', reason, message }, againMs);
  }
  if (wanted.target.spec.suspend === true) return decision({ kind: 'suspended' });
  return decideImage(facts, wanted, standingOf(facts));
}

const leave = (stray: Facts['strays'][number]): Action => ({
  kind: stray.owners.length > 1 ? 'leave-job' : 'delete-job',
  job: stray.name,
  uid: stray.uid,
});
