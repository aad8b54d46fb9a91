/** Several platforms: the image of each comes first, then what puts them together. */
import { describe, expect, it } from 'vitest';
import { conditionOf } from '../../src/api/conditions.ts';
import type { FailureReason } from '../../src/api/reasons.ts';
import type { RegistryAnswer } from '../../src/api/registry-answer.ts';
import type { Status } from '../../src/api/status.ts';
import { indexContextOf } from '../../src/build/context.ts';
import { accessHash, jobPrefix } from '../../src/build/job.ts';
import type { Progress } from '../../src/build/outcome.ts';
import { partsOf, type Target, targetOf } from '../../src/image/target.ts';
import type { JobFact, Wanted } from '../../src/plan/facts.ts';
import { plan } from '../../src/plan/plan.ts';
import { imageSpec, settings } from '../support/objects.ts';

const NOW = new Date('2026-11-25T12:00:00Z');
const DIGEST = `sha256:${'a'.repeat(64)}`;
const absent: RegistryAnswer = { kind: 'absent' };
const present: RegistryAnswer = { kind: 'present', digest: DIGEST };

/** What is known of one image: the registry's word, or its Job. */
type Known = RegistryAnswer | Progress;

function wantedOf(target: Target, known: Known): Wanted {
  const job: JobFact | undefined =
    'state' in known
      ? {
          name: `${jobPrefix(target)}-1`,
          uid: target.specHash,
          attempt: 1,
          access: accessHash(target, settings),
          builder: 'buildkit',
          owners: ['uid-1'],
          deleting: false,
          created: NOW.getTime() - 30_000,
          ...(known.state === 'failed' ? { ended: NOW.getTime() - 1000 } : {}),
          progress: known,
        }
      : undefined;
  return {
    target,
    context: indexContextOf(target, [], settings),
    access: accessHash(target, settings),
    jobs: job ? [job] : [],
    asked: 'kind' in known ? { answer: known, times: 1, ageMs: 0 } : { answer: absent, times: 1, ageMs: 0 },
    slotFree: true,
    slots: 10,
    retries: 2,
  };
}

function decide(whole: Known, pieces: readonly [Known, Known], status?: Status, rebuild?: number) {
  const spec = { platforms: ['linux/amd64', 'linux/386'], ...(rebuild === undefined ? {} : { rebuild }) };
  const object = imageSpec(spec, status ? { status } : {});
  const judged = targetOf(object, settings);
  if (!judged.ok) throw new Error('no target');
  const parts = partsOf(judged.target).map((part, index) => wantedOf(part, pieces[index] as Known));
  const wanted = { ...wantedOf(judged.target, whole), pieces: parts };
  return { parts, ...plan({ object, wanted, strays: [], now: NOW }) };
}

const running: Progress = { state: 'running', step: 'build' };
const failed = (reason: FailureReason): Progress => ({
  state: 'failed',
  failure: { step: 'build', reason, headline: 'no', message: 'no' },
});
const messageOf = (status: Status) => conditionOf(status.conditions, 'Ready')?.message;

describe('several platforms', () => {
  // In the order of their names: linux/386 first.
  it('are built side by side where none is there', () => {
    const { actions, status, parts } = decide(absent, [absent, absent]);
    expect(actions).toEqual([
      { kind: 'create-job', attempt: 1, piece: 0 },
      { kind: 'create-job', attempt: 1, piece: 1 },
    ]);
    expect(messageOf(status)).toBe('linux/386: building with buildkit, attempt 1, step starting');
    expect(status.build?.jobName).toBe(`${jobPrefix(parts[0]?.target as Target)}-1`);
  });

  it('wait for the last one', () => {
    const { actions, status } = decide(absent, [present, running]);
    expect(actions).toEqual([]);
    expect(messageOf(status)).toContain('linux/amd64: building');
  });

  it('are put together when all are there', () => {
    expect(decide(absent, [present, present]).actions).toEqual([{ kind: 'create-job', attempt: 1 }]);
  });

  it('need nothing more once the whole is there', () => {
    const { actions, status } = decide(present, [absent, absent]);
    expect(actions).toEqual([]);
    expect(status.digest).toBe(DIGEST);
  });

  it('of which one cannot be had: nothing more is begun, and the status says which', () => {
    const first = decide(absent, [absent, failed('CommandFailed')]);
    expect(first.actions).toEqual([]);
    expect(messageOf(first.status)).toContain('linux/amd64: no. ');
    expect(first.status.lastFailure?.specHash).toBe(first.parts[1]?.target.specHash);
    // Told once.
    const second = decide(absent, [absent, failed('CommandFailed')], first.status);
    expect(second.status).toEqual(first.status);
    expect(second.notes).toEqual([]);
  });

  it('of which one failed for a while: that one is tried again, after its pause', () => {
    const { actions, requeueAfterMs } = decide(absent, [present, failed('OutOfMemory')]);
    expect(actions).toEqual([]);
    expect(requeueAfterMs).toBe(9000);
  });

  it('are all made anew for a new rebuild number, and the old image stays ready', () => {
    const ready = decide(present, [present, present], undefined, 1).status;
    const again = decide(present, [present, present], ready, 2);
    expect(again.actions).toEqual([
      { kind: 'create-job', attempt: 1, fresh: true, piece: 0 },
      { kind: 'create-job', attempt: 1, fresh: true, piece: 1 },
    ]);
    expect(conditionOf(again.status.conditions, 'Ready')?.status).toBe('True');
    expect(again.status.resolvedImage).toBe(ready.resolvedImage);
  });

  it('of which one cannot be made anew: the whole stays as it was, and the failure is told', () => {
    const ready = decide(present, [present, present], undefined, 1).status;
    const again = decide(present, [failed('CommandFailed'), running], ready, 2);
    expect(conditionOf(again.status.conditions, 'Ready')?.status).toBe('True');
    expect(again.status.resolvedImage).toBe(ready.resolvedImage);
  });
});
