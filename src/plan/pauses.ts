/** How long things are let be before somebody looks again, in milliseconds. */
import type { Asked } from './facts.ts';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** How long a registry's answer is good for, or is to be lived with, before it is asked again. */
export function askAgainAfterMs({ answer, times, by }: Pick<Asked, 'answer' | 'times' | 'by'>): number {
  switch (answer.kind) {
    case 'present':
      // A look costs a pod.
      return by === 'Job' ? 12 * HOUR : HOUR;
    case 'absent':
      return 0;
    case 'denied':
      return backoff(2 * MINUTE, times, HOUR);
    case 'unavailable':
      return Math.max(answer.retryAfterMs ?? 0, backoff(5 * SECOND, times, 5 * MINUTE));
  }
}

/** How long after the n-th failure the next attempt begins. */
export const PAUSES = {
  never: () => 0,
  bounded: (count: number) => backoff(10 * SECOND, count, 5 * MINUTE),
  slow: (count: number) => backoff(2 * MINUTE, count, HOUR),
  patient: (count: number) => backoff(30 * SECOND, count, HOUR),
} as const;

/** `first`, then twice as long each time, at most `most`. */
export function backoff(first: number, times: number, most: number): number {
  return Math.min(most, first * 2 ** Math.min(times - 1, 20));
}
