/** A step that ended for a reason the user can read in the status. */
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_TERMINATION_BYTES, type StepFailure } from '../api/build-result.ts';
import type { FailureReason } from '../api/reasons.ts';
import type { NoAnswer } from '../api/registry-answer.ts';

export class StepError extends Error {
  override name = 'StepError';
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What a step says of whatever ended it. */
export function failureOf(error: unknown): StepFailure {
  const words = error instanceof Error ? error.message : String(error);
  // JSON may need six characters for one.
  return { reason: reasonOf(error), message: words.slice(0, MAX_TERMINATION_BYTES / 8) };
}

function reasonOf(error: unknown): FailureReason {
  if (error instanceof StepError) return error.reason;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' ? 'OutOfDisk' : 'BuildFailed';
}

/** What a registry's "no" means for a build. */
export function noAnswer(answer: NoAnswer, image: string, absent: FailureReason): StepError {
  switch (answer.kind) {
    case 'absent':
      return new StepError(absent, `${image}: no such image`);
    case 'denied':
      return new StepError('RegistryDenied', `${image}: ${answer.message}`);
    case 'unavailable':
      return new StepError('RegistryUnreachable', `${image}: ${answer.message}`);
  }
}

const TRIES = 4;
const PAUSE_MS = 3000;

/** Asks a registry, a few times while it is unavailable, before the attempt is given up. */
export async function patiently<T extends { kind: string }>(
  ask: () => Promise<T | NoAnswer>,
): Promise<T | NoAnswer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask();
    if (answer.kind !== 'unavailable' || tries === TRIES) return answer;
    console.log(`${'message' in answer ? answer.message : 'no answer'}; trying again`);
    await sleep(PAUSE_MS);
  }
}
