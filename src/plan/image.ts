/**
 * What one image needs: the whole, or with several platforms each of them.
 *
 * The first rule that fits wins. The registry outranks every Job: an image that exists is ready, whatever became of
 * the build that made it.
 */
import { type FailureReason, RETRY, type StalledReason, say } from '../api/reasons.ts';
import type { Status } from '../api/status.ts';
import { jobPrefix } from '../build/job.ts';
import { printReference } from '../image/reference.ts';
import { type Action, type Decision, decision, type Failed } from './decision.ts';
import type { Facts, JobFact, Wanted } from './facts.ts';
import { failureToHeed } from './failures.ts';
import { askAgainAfterMs, HOUR, MINUTE, PAUSES, SECOND } from './pauses.ts';
import { whileRunning } from './running.ts';
import type { Standing } from './standing.ts';

/** How long a registry may take to show what was just pushed. */
const PUSH_SETTLES_MS = MINUTE;

/** @param standing what the status already says of it */
export function decideImage(
  facts: Facts,
  wanted: Wanted,
  standing: Pick<Standing, 'ready' | 'rebuilding'>,
): Decision {
  const { ready, rebuilding } = standing;
  const current = wanted.jobs.findLast((job) => job.ended === undefined);
  // Who has the image needs no build: one that runs is a neighbour's, who wants the same content anew.
  if (current && (!ready || rebuilding)) return whileRunning(facts, wanted, current);

  const asked = wanted.asked;
  if (asked === undefined) {
    const { looking } = wanted;
    if (looking === undefined || (ready && !rebuilding))
      return decision({ kind: 'unchanged' }, wanted.restMs ?? HOUR);
    if (wanted.refused !== undefined) return refused(wanted.refused, undefined);
    const message = looking.words === undefined ? say.asking(imageName(wanted)) : say.pending(looking.words);
    const reason = looking.words === undefined ? 'Progressing' : 'BuildPending';
    return decision(
      { kind: 'working', reason, message },
      looking.words === undefined ? 3 * SECOND : 10 * SECOND,
    );
  }
  const { answer } = asked;
  const askAgain = wanted.restMs ?? Math.max(0, askAgainAfterMs(asked) - asked.ageMs);
  const { by } = asked;

  switch (answer.kind) {
    case 'present': {
      const made = wanted.jobs.findLast((job) => job.progress.state === 'succeeded');
      if (!rebuilding || wanted.context === undefined)
        return decision({ kind: 'ready', digest: answer.digest, by, job: made }, askAgain);
      // Only the latest attempt: an older one with the same number is not what is asked for now.
      const latest = wanted.jobs.at(-1);
      const again = latest?.access === wanted.access ? latest : undefined;
      if (again?.progress.state === 'succeeded') {
        const shown = again.progress.result?.digest === answer.digest || settled(again, facts.now);
        if (shown) return decision({ kind: 'ready', digest: answer.digest, by, job: again }, askAgain);
        const message = say.pushed(imageName(wanted));
        return decision({ kind: 'working', reason: 'Building', message, job: again }, 2 * SECOND);
      }
      return build(facts, wanted, again, answer.digest);
    }
    case 'absent': {
      if (wanted.context === undefined) {
        const message = say.noImage(imageName(wanted));
        return decision({ kind: 'stalled', reason: 'BaseImageNotFound', message }, 2 * MINUTE);
      }
      if (current) return whileRunning(facts, wanted, current);
      const last = ownBuild(wanted);
      if (last?.progress.state === 'succeeded' && !settled(last, facts.now)) {
        return decision(
          { kind: 'working', reason: 'Building', message: say.pushed(imageName(wanted)), job: last },
          2 * SECOND,
        );
      }
      return build(facts, wanted, last);
    }
    case 'denied':
      return decision(
        {
          kind: 'unanswered',
          stalled: true,
          message: by === 'Job' ? say.deniedToPod(answer.message) : say.denied(answer.message),
        },
        askAgain,
      );
    case 'unavailable': {
      const message = say.unreachable(answer.message, Math.ceil(askAgainAfterMs(asked) / SECOND));
      return decision({ kind: 'unanswered', stalled: false, message }, askAgain);
    }
  }
}

/**
 * Nothing runs and something must be built: now, later, or not before something changes.
 *
 * @param old digest of the image that exists and is to be built again
 */
function build(facts: Facts, wanted: Wanted, last: JobFact | undefined, old?: string): Decision {
  const rebuilding = old !== undefined;
  const first = wanted.pieces && piecesFirst(facts, wanted.pieces, rebuilding);
  if (first) {
    // One of them could not be made anew: so the whole is not.
    return first.state.kind === 'ready' && old !== undefined
      ? decision({ ...first.state, digest: old }, HOUR)
      : first;
  }
  const heeded = failureToHeed(facts.object.status, wanted, last);
  const start = (failed?: Failed): Decision => {
    if (!wanted.slotFree) {
      const message = say.queued(wanted.slots);
      return decision({ kind: 'working', reason: 'Queued', message, failed }, 30 * SECOND);
    }
    if (wanted.refused !== undefined) return refused(wanted.refused, failed);
    const attempt = nextAttempt(facts.object.status, wanted);
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

/**
 * With several platforms the image of each comes first: all are built, and only when the last one is there are they
 * put together. Undefined when all are there; `ready` with a failure when one could not be made anew.
 */
function piecesFirst(facts: Facts, pieces: readonly Wanted[], rebuilding: boolean): Decision | undefined {
  const decisions = pieces.map((piece, index) => {
    const { state, pauseMs, actions } = decideImage(facts, piece, { ready: false, rebuilding });
    const own = actions.map((action) =>
      action.kind === 'create-job' ? { ...action, piece: index } : action,
    );
    const named =
      'message' in state
        ? { ...state, message: `${piece.target.effective.platforms[0]}: ${state.message}` }
        : state;
    return { state: named, pauseMs, actions: own };
  });
  const failed = decisions.find(({ state }) => state.kind === 'ready' && state.failed !== undefined);
  const unfinished = decisions.filter(({ state }) => state.kind !== 'ready');
  const stalled = unfinished.find(({ state }) => state.kind === 'stalled');
  const shown = stalled ?? unfinished[0] ?? failed;
  if (!shown) return undefined;
  const actions = decisions.flatMap((decision) => decision.actions);
  return {
    state: shown.state,
    pauseMs: Math.min(...unfinished.map(({ pauseMs }) => pauseMs ?? HOUR)),
    // Where one cannot be had, the others are of no use.
    actions: stalled ? actions.filter(({ kind }) => kind !== 'create-job') : actions,
  };
}

/** What passes without anybody's change of the ImageSpec or of a rule. */
const PASSING = /(exceeded|status unknown for) quota|failed calling webhook|is being terminated/;

/** What no Job may have is the spec's; any refusal that does not pass by itself is somebody's rule. */
function refused(words: string, failed: Failed | undefined): Decision {
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

/** The latest attempt made with this ImageSpec's own access and rebuild number. */
function ownBuild(wanted: Wanted): JobFact | undefined {
  return wanted.jobs.findLast((job) => job.access === wanted.access);
}

/** n = 1 + the highest attempt known to Jobs or status, so that no name is used twice. */
function nextAttempt(status: Status | undefined, wanted: Wanted): number {
  const told = status?.build;
  const remembered = told?.jobName === `${jobPrefix(wanted.target)}-${told?.attempt}` ? told.attempt : 0;
  return 1 + Math.max(remembered, ...wanted.jobs.map((job) => job.attempt));
}

const settled = (job: JobFact, now: Date) => now.getTime() - (job.ended ?? job.created) > PUSH_SETTLES_MS;
const imageName = (wanted: Wanted) => printReference(wanted.target.image);
