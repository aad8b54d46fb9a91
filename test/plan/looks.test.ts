import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LookResult } from '../../src/api/build-result.ts';
import type { LookFact } from '../../src/plan/facts.ts';
import { readLooks } from '../../src/plan/looks.ts';

const NOW = 1_000_000_000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const POLL = 10 * MINUTE;
const source: LookResult = { source: { digest: 'a'.repeat(64), revision: 'c'.repeat(40) } };
const away: LookResult = { unreadable: { kind: 'unavailable', message: 'no route' } };
const image = (kind: 'present' | 'absent' | 'denied'): LookResult => ({
  image:
    kind === 'present'
      ? { kind, digest: `sha256:${'a'.repeat(64)}` }
      : kind === 'denied'
        ? { kind, message: '401' }
        : { kind },
});

/** A look that ended so many milliseconds ago; without `ago` it runs. */
function look(attempt: number, result?: LookResult, ago?: number): LookFact {
  return {
    name: `imagespec-look-1-${attempt}`,
    attempt,
    deleting: false,
    created: NOW - (ago ?? 0) - 5 * SECOND,
    ...(ago === undefined ? {} : { ended: NOW - ago }),
    progress: ago === undefined ? { state: 'running', step: 'look' } : { state: 'succeeded', result },
  };
}

describe('looks', () => {
  it('begin at once where nobody has looked', () => {
    expect(readLooks([], NOW, POLL)).toEqual({ attempt: 1, dueInMs: 0 });
  });

  it('are not begun twice', () => {
    const running = look(3);
    const looked = readLooks([look(2, source, POLL), running], NOW, POLL);
    expect(looked).toMatchObject({ running, dueInMs: Infinity, latest: { result: source } });
  });

  it.each<[string, LookFact[], number]>([
    ['a source that moves is polled', [look(1, source, 4 * MINUTE)], 6 * MINUTE],
    ['a source that is away is tried again soon', [look(1, away, 4 * SECOND)], 6 * SECOND],
    ['and later each time', [look(1, away, MINUTE), look(2, away, 0), look(3, away, 0)], 40 * SECOND],
    [
      'only the last row of the same answers counts',
      [look(1, away, 0), look(2, source, 0), look(3, away, 0)],
      10 * SECOND,
    ],
    ['an image that is there', [look(1, image('present'), 0)], 60 * MINUTE],
    ['an image that is not', [look(1, image('absent'), MINUTE)], 9 * MINUTE],
    [
      'a registry that lets nobody in',
      [look(1, image('denied'), 0), look(2, image('denied'), 0)],
      4 * MINUTE,
    ],
    ['a look without a word', [look(1, undefined, 0)], 10 * SECOND],
  ])('%s', (_, looks, dueInMs) => {
    expect(readLooks(looks, NOW, POLL).dueInMs).toBe(dueInMs);
  });

  it('of a commit are never repeated', () => {
    expect(readLooks([look(1, source, 100 * POLL)], NOW, Infinity).dueInMs).toBe(Infinity);
  });

  it('always come back by themselves, under a name that is free, unless one runs', () => {
    const result = fc.constantFrom(
      source,
      away,
      image('present'),
      image('absent'),
      image('denied'),
      undefined,
    );
    const ended = fc.tuple(result, fc.nat({ max: 10 * POLL }));
    fc.assert(
      fc.property(fc.array(ended, { maxLength: 8 }), fc.boolean(), (answers, runs) => {
        const looks = answers.map(([one, ago], index) => look(index + 1, one, ago));
        if (runs) looks.push(look(looks.length + 1));
        const { attempt, dueInMs } = readLooks(looks, NOW, POLL);
        expect(looks.map((one) => one.attempt)).not.toContain(attempt);
        expect(dueInMs === Infinity).toBe(runs);
        if (!runs) expect(dueInMs).toBeLessThanOrEqual(60 * MINUTE);
      }),
    );
  });
});
