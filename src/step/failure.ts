/** A step that ended for a reason the user can read in the status. */
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
