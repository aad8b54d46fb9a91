/** A Job for the wanted content is under way: how far it is, and what keeps it. */
import { say } from '../api/reasons.ts';
import { podSecurityOf } from '../build/engines.ts';
import { type Action, type Decision, decision } from './decision.ts';
import type { Facts, JobFact, Wanted } from './facts.ts';
import { MINUTE, SECOND } from './pauses.ts';

export function whileRunning(facts: Facts, wanted: Wanted, job: JobFact): Decision {
  const uid = facts.object.metadata.uid;
  if (job.deleting) {
    return decision(
      {
        kind: 'working',
        reason: 'Building',
        message: say.building(job.builder, job.attempt, 'ending'),
        job,
      },
      2 * SECOND,
    );
  }
  const mine = job.owners.includes(uid);
  if (mine && job.owners.length === 1 && job.access !== wanted.access) {
    const message = say.building(job.builder, job.attempt, 'replaced');
    const replace: Action = { kind: 'delete-job', job: job.name, uid: job.uid };
    return decision({ kind: 'working', reason: 'Building', message, job }, 2 * SECOND, [replace]);
  }
  const join: Action[] = mine ? [] : [{ kind: 'join-job', job: job.name, uid: job.uid }];
  const { progress, trouble } = job;
  if (progress.state === 'pending' && trouble && /violates PodSecurity/.test(trouble.message)) {
    const namespace = facts.object.metadata.namespace;
    return decision(
      {
        kind: 'stalled',
        reason: 'PodSecurityDenied',
        message: say.podSecurity(namespace, trouble.message, podSecurityOf(wanted.target.builder)),
        job,
      },
      30 * SECOND,
      join,
    );
  }
  const words = progress.state === 'pending' ? (progress.words ?? trouble?.message) : undefined;
  if (words !== undefined) {
    return decision(
      { kind: 'working', reason: 'BuildPending', message: say.pending(words), job },
      10 * SECOND,
      join,
    );
  }
  const step =
    progress.state === 'running' || progress.state === 'pending' ? (progress.step ?? 'starting') : 'starting';
  const message = say.building(job.builder, job.attempt, step);
  // A pod that has not started is looked at again: only Events tell why, and nobody watches those.
  const pause = progress.state === 'pending' ? 3 * SECOND : MINUTE;
  return decision({ kind: 'working', reason: 'Building', message, job }, pause, join);
}
