import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WorkQueue } from '../../src/controller/work-queue.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('a key', () => {
  it('waits at most once', async () => {
    const ran: string[] = [];
    const queue = new WorkQueue(async (key) => void ran.push(key), { concurrency: 1 });
    // The first takes the only lane; the others wait.
    for (const key of ['first', 'a', 'a', 'b', 'a']) queue.add(key);
    await queue.idle();
    expect(ran).toEqual(['first', 'a', 'b']);
  });

  it('added while it runs, runs once more afterwards and never twice at a time', async () => {
    let running = 0;
    let runs = 0;
    const queue = new WorkQueue(
      async (key) => {
        running += 1;
        runs += 1;
        expect(running).toBe(1);
        if (runs === 1) for (let n = 0; n < 5; n += 1) queue.add(key);
        await sleep(5);
        running -= 1;
      },
      { concurrency: 4 },
    );
    queue.add('a');
    await queue.idle();
    expect(runs).toBe(2);
  });

  it('comes back after a failure, later each time, and soon again once it worked', async () => {
    vi.useFakeTimers();
    const pauses: number[] = [];
    let fails = 3;
    const queue = new WorkQueue(
      async () => {
        if (fails > 0) {
          fails -= 1;
          throw new Error('no');
        }
      },
      { concurrency: 1, onError: (_key, _error, againInMs) => pauses.push(againInMs) },
    );
    queue.add('a');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(pauses).toEqual([1000, 2000, 4000]);
    fails = 1;
    queue.add('a');
    await vi.advanceTimersByTimeAsync(10);
    expect(pauses.at(-1)).toBe(1000);
    await queue.stop();
  });

  it('added for later runs at the earliest time asked for, and not again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const ran: number[] = [];
    const begun = performance.now();
    const queue = new WorkQueue(async () => void ran.push(performance.now() - begun), { concurrency: 1 });
    queue.addAfter('a', 5000);
    queue.addAfter('a', 1000);
    queue.addAfter('a', 3000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ran).toEqual([1000]);
    await queue.stop();
  });

  it('that runs now no longer needs its later turn', async () => {
    vi.useFakeTimers();
    let runs = 0;
    const count = async () => {
      runs += 1;
    };
    const queue = new WorkQueue(count, { concurrency: 1 });
    queue.addAfter('a', 1000);
    queue.add('a');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs).toBe(1);
    await queue.stop();
  });
});

it('stops after what runs, and takes nothing more', async () => {
  const ended: string[] = [];
  const queue = new WorkQueue(
    async (key) => {
      await sleep(20);
      ended.push(key);
    },
    { concurrency: 1 },
  );
  queue.add('a');
  queue.add('b');
  await sleep(5);
  await queue.stop();
  queue.add('c');
  await sleep(50);
  expect(ended).toEqual(['a']);
});

it('loses no change: the last run of a key begins after its last add', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(3)), { maxLength: 30 }),
      fc.integer({ min: 1, max: 3 }),
      async (adds, concurrency) => {
        const version = new Map<string, number>();
        const seen = new Map<string, number>();
        const running = new Set<string>();
        const queue = new WorkQueue(
          async (key) => {
            expect(running.has(key)).toBe(false);
            running.add(key);
            const now = version.get(key) ?? 0;
            await sleep(1);
            seen.set(key, now);
            running.delete(key);
          },
          { concurrency },
        );
        for (const [key, pause] of adds) {
          version.set(key, (version.get(key) ?? 0) + 1);
          queue.add(key);
          if (pause === 0) await sleep(1);
        }
        await queue.idle();
        expect(seen).toEqual(version);
      },
    ),
    { numRuns: 60 },
  );
});
