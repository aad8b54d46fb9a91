/** What an ImageSpec refers to is not there: it waits, and loses nothing. */
import { describe, expect, it } from 'vitest';
import { conditionOf } from '../../src/api/conditions.ts';
import type { Status } from '../../src/api/status.ts';
import { jobPrefix } from '../../src/build/job.ts';
import { targetOf } from '../../src/image/target.ts';
import type { Facts, Waiting } from '../../src/plan/facts.ts';
import { plan } from '../../src/plan/plan.ts';
import { imageSpec, settings } from '../support/objects.ts';

const NOW = new Date('2026-11-25T12:00:00Z');
const DIGEST = `sha256:${'a'.repeat(64)}`;

const waiting = (more: Partial<Waiting> = {}): Facts['wanted'] => ({
  waiting: {
    reason: 'SourceUnavailable',
    message: 'no such branch',
    againMs: 10_000,
    suspended: false,
    ...more,
  },
});

function decide(wanted: Facts['wanted'], more: { status?: Status; generation?: number } = {}) {
  return plan({ object: imageSpec({}, more), wanted, strays: [], now: NOW });
}

/** A status in which the image is there, with a source that was looked at. */
function readyStatus(): Status {
  const judged = targetOf(imageSpec({}), settings);
  if (!judged.ok) throw new Error('no target');
  const { target } = judged;
  const wanted = {
    target,
    context: undefined,
    access: jobPrefix(target),
    source: { digest: 'd'.repeat(64), copied: true, revision: 'c'.repeat(40), question: 'imagespec-look-1' },
    jobs: [],
    asked: { answer: { kind: 'present', digest: DIGEST } as const, times: 1, ageMs: 0, by: 'Job' as const },
    slotFree: true,
    slots: 1,
    retries: 0,
  };
  return plan({ object: imageSpec({}), wanted, strays: [], now: NOW }).status;
}

describe('what is referred to and not there', () => {
  it('is work under way, not a mistake, and is looked for again', () => {
    const { status, requeueAfterMs, notes } = decide(waiting());
    expect(status.conditions).toMatchObject([
      { type: 'Ready', status: 'Unknown', reason: 'SourceUnavailable', message: 'no such branch' },
      { type: 'Reconciling', status: 'True', reason: 'SourceUnavailable' },
    ]);
    expect(requeueAfterMs).toBe(10_000);
    expect(notes).toMatchObject([{ type: 'Warning', reason: 'SourceUnavailable' }]);
  });

  it('leaves an image of the same spec as good as it was', () => {
    const before = readyStatus();
    expect(before).toMatchObject({ checkedBy: 'Job', source: { question: 'imagespec-look-1' } });
    const { status, actions } = decide(waiting({ reason: 'DependencyNotReady' }), { status: before });
    expect(status).toEqual(before);
    expect(actions).toEqual([]);
  });

  it('says nothing for another spec, whose content nobody knows', () => {
    const { status } = decide(waiting(), { status: readyStatus(), generation: 2 });
    expect(conditionOf(status.conditions, 'Ready')).toMatchObject({ status: 'False', observedGeneration: 2 });
    expect(status.resolvedImage).toBeUndefined();
    expect(status.specHash).toBeUndefined();
    // The last good image is still named, and what is known of the source is kept for another look.
    expect(status.latestReady?.image).toContain(DIGEST);
    expect(status.source?.question).toBe('imagespec-look-1');
  });

  it('is not waited for while suspended', () => {
    const { status } = decide(waiting({ suspended: true }));
    expect(status.conditions).toMatchObject([{ type: 'Ready', status: 'Unknown', reason: 'Suspended' }]);
  });

  it('is told in an Event while what was read before still counts', () => {
    const facts = { object: imageSpec({}), wanted: waiting(), strays: [], now: NOW, remark: 'away' };
    expect(plan(facts).notes).toContainEqual({
      type: 'Warning',
      reason: 'SourceUnavailable',
      note: 'away',
      action: 'Check',
    });
  });

  it('begins the looks that are due, whatever else is to be done', () => {
    const look = { question: { image: { name: 'a/b:c', platforms: [] } }, spec: {} as never, attempt: 2 };
    const facts = { object: imageSpec({}), wanted: waiting(), strays: [], now: NOW, looks: [look] };
    expect(plan(facts).actions).toEqual([{ kind: 'create-look', look }]);
    expect(plan({ ...facts, lookAgainMs: 5 }).requeueAfterMs).toBe(5);
  });
});
