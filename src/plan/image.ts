/**
 * What one image needs: the whole, or with several platforms each of them.
 *
 * The first rule that fits wins. The registry outranks every Job: an image that exists is ready, whatever became of
 * the build that made it.
 */
import { say } from '../api/reasons.ts';
import { printReference } from '../image/reference.ts';
import { decideAttempt, refused } from './attempt.ts';
import { type Decision, decision } from './decision.ts';
import type { Facts, JobFact, Wanted } from './facts.ts';
import { askAgainAfterMs, HOUR, MINUTE, SECOND } from './pauses.ts';
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
    if (wanted.refused !== undefined) return refused(wanted.refused);
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
 * Nothing runs and something must be built: the images of the platforms first, where there are several.
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
  return decideAttempt(facts, wanted, last, old);
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
  const actions = decisions.flatMap((one) => one.actions);
  return {
    state: shown.state,
    pauseMs: Math.min(...unfinished.map(({ pauseMs }) => pauseMs ?? HOUR)),
    // Where one cannot be had, the others are of no use.
    actions: stalled ? actions.filter(({ kind }) => kind !== 'create-job') : actions,
  };
}

/** The latest attempt made with this ImageSpec's own access and rebuild number. */
function ownBuild(wanted: Wanted): JobFact | undefined {
  return wanted.jobs.findLast((job) => job.access === wanted.access);
}

const settled = (job: JobFact, now: Date) => now.getTime() - (job.ended ?? job.created) > PUSH_SETTLES_MS;
const imageName = (wanted: Wanted) => printReference(wanted.target.image);
