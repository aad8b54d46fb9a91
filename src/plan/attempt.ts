/**
 * Something must be built and nothing runs: an attempt starts now, later, or not before something changes.
 */
import { type FailureReason, RETRY, type StalledReason, say } from '../api/reasons.ts';
import type { Status } from '../api/status.ts';
import { jobPrefix } from '../build/job.ts';
import { type Action, type Decision, decision, type Failed } from './decision.ts';
import type { Facts, JobFact, Wanted } from './facts.ts';
import { failureToHeed } from './failures.ts';
import { HOUR, MINUTE, PAUSES, SECOND } from './pauses.ts';

/**
 * @param last the latest attempt that counts
 * @param old digest of the image that exists and is to be built again
 */
export function decideAttempt(
  facts: Facts,
  wanted: Wanted,
  last: JobFact | undefined,
  old?: string,
): Decision {
  const rebuilding = old !== undefined;
  const heeded = failureToHeed(facts.object.status, wanted, last);
  const start = (failed?: Failed): Decision => {
    if (!wanted.slotFree) {
      const message = say.queued(wanted.slots);
      return decision({ kind: 'working', reason: 'Queued', message, failed }, 30 * SECOND);
    }
    if (wanted.refused !== undefined) return refused(wanted.refused, failed);
    const attempt = nextNumber(facts.object.status, wanted);
    const message = say.building(wanted.target.builder.name, attempt, 'starting');
    const create: Action = { kind: 'create-job', attempt, ...(rebuilding ? { fresh: true } : {}) };
    const starts = { attempt, job: `${jobPrefix(wanted.target)}-${attempt}` };
    return decision({ kind: 'working', reason: 'Building', message, starts, failed }, 3 * SECOND, [create]);
  };
  if (heeded === undefined) return start();

  const { reason, headline, count, at, failed } = heeded;
  const rule = RETRY[reason];
  const again = rule === 'bounded' ? count <= wanted.retries : rule !== 'never' && !rebuilding;
  if (again) {
    const pause = PAUSES[rule](count);
    const left = at + pause - facts.now.getTime();
    if (left <= 0) return start(failed);
    const seconds = Math.ceil(pause / SECOND);
    if (rule === 'slow') {
      return decision(
        { kind: 'stalled', reason: stalledBy(reason), message: say.failed(reason, headline), failed },
        left,
      );
    }
    if (reason === 'NotStarted') {
      return decision(
        { kind: 'working', reason: 'BuildPending', message: say.pending(headline), failed },
        left,
      );
    }
    const word = reason === 'RegistryUnreachable' ? reason : 'Building';
    return decision(
      { kind: 'working', reason: word, message: say.retrying(count, headline, seconds), failed },
      left,
    );
  }
  // The old image is as good as before; the failure is told, and the request is done with.
  if (rebuilding) return decision({ kind: 'ready', digest: old, by: wanted.asked?.by, failed }, HOUR);
  const message = rule === 'bounded' ? say.exhausted(reason, headline, count) : say.failed(reason, headline);
  return decision({ kind: 'stalled', reason: stalledBy(reason), message, failed });
}

/** What passes without anybody's change of the ImageSpec or of a rule. */
const PASSING = /(exceeded|status unknown for) quota|failed calling webhook|is being terminated/;

/** What no Job may have is the spec's; any refusal that does not pass by itself is somebody's rule. */
export function refused(words: string, failed?: Failed): Decision {
  if (PASSING.test(words)) {
    return decision(
      { kind: 'working', reason: 'BuildPending', message: say.pending(words), failed },
      30 * SECOND,
    );
  }
  const invalid = /^Job\.batch "[^"]*" is invalid: (.*)$/s.exec(words)?.[1];
  if (invalid !== undefined) {
    const message = say.invalid([{ field: 'spec.build', message: `no Job can be made of it: ${invalid}` }]);
    return decision({ kind: 'stalled', reason: 'InvalidSpec', message, failed });
  }
  return decision({ kind: 'stalled', reason: 'PolicyDenied', message: say.policy(words), failed }, MINUTE);
}

/** The word for a person who must act; what the cluster or the network did has no word of its own. */
function stalledBy(reason: FailureReason): StalledReason {
  return reason === 'RegistryUnreachable' ||
    reason === 'SourceUnavailable' ||
    reason === 'NotStarted' ||
    reason === 'Interrupted'
    ? 'BuildFailed'
    : reason;
}

/** n = 1 + the highest attempt known to Jobs or status, so that no name is used twice. */
function nextNumber(status: Status | undefined, wanted: Wanted): number {
  const told = status?.build;
  const remembered = told?.jobName === `${jobPrefix(wanted.target)}-${told?.attempt}` ? told.attempt : 0;
  return 1 + Math.max(remembered, ...wanted.jobs.map((job) => job.attempt));
}
