/**
 * What the look Jobs for one question say, and whether it is time for another one.
 */
import type { LookResult } from '../api/build-result.ts';
import type { LookFact } from './facts.ts';
import { backoff, HOUR, MINUTE, SECOND } from './pauses.ts';

export interface Looked {
  /** What the latest look that ended came to. */
  readonly latest?: { readonly result: LookResult; readonly ageMs: number; readonly times: number };
  /** The look under way. */
  readonly running?: LookFact;
  /** How long until the next look is due: 0 is now; Infinity while one runs. */
  readonly dueInMs: number;
  /** Number of that next look. */
  readonly attempt: number;
}

/**
 * @param looks all look Jobs for one question
 * @param pollMs how long a good answer about a source stands; Infinity for what never moves
 */
export function readLooks(looks: readonly LookFact[], now: number, pollMs: number): Looked {
  const ordered = looks.toSorted((a, b) => a.attempt - b.attempt);
  const running = ordered.findLast((look) => look.ended === undefined);
  const ended = ordered.filter((look) => look.ended !== undefined && !look.deleting);
  const attempt = 1 + Math.max(0, ...ordered.map((look) => look.attempt));
  const last = ended.at(-1);
  if (last?.ended === undefined) {
    return { attempt, dueInMs: running ? Infinity : 0, ...(running ? { running } : {}) };
  }
  const result = resultOf(last);
  const before = ended.findLastIndex((look) => kindOf(resultOf(look)) !== kindOf(result));
  const times = ended.length - 1 - before;
  const ageMs = Math.max(0, now - last.ended);
  const dueInMs = running ? Infinity : Math.max(0, standsFor(result, times, pollMs) - ageMs);
  return { latest: { result, ageMs, times }, attempt, dueInMs, ...(running ? { running } : {}) };
}

/** How long a result is good, or is to be lived with, before somebody looks again. */
function standsFor(result: LookResult, times: number, pollMs: number): number {
  if ('source' in result) return pollMs;
  if ('problems' in result) return Math.min(pollMs, backoff(10 * SECOND, times, 10 * MINUTE));
  if ('unreadable' in result) return backoff(10 * SECOND, times, 10 * MINUTE);
  switch (result.image.kind) {
    case 'present':
      return HOUR;
    case 'absent':
      return 10 * MINUTE;
    case 'denied':
      return backoff(2 * MINUTE, times, HOUR);
    case 'unavailable':
      return backoff(10 * SECOND, times, 10 * MINUTE);
  }
}

/** A pod that ended without a word it should have said has not answered. */
function resultOf({ progress }: LookFact): LookResult {
  if (progress.state === 'succeeded' && progress.result) return progress.result;
  const words = progress.state === 'failed' ? progress.failure.headline : 'the look ended without an answer';
  return { unreadable: { kind: 'unavailable', message: words } };
}

function kindOf(result: LookResult): string {
  if ('unreadable' in result) return 'unreadable';
  return 'image' in result ? result.image.kind : 'source' in result ? 'source' : 'problems';
}
