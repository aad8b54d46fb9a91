import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionOf } from '../../src/api/conditions.ts';
import type { FailureReason } from '../../src/api/reasons.ts';
import { FAILURE_REASONS } from '../../src/api/reasons.ts';
import type { RegistryAnswer } from '../../src/api/registry-answer.ts';
import type { Status } from '../../src/api/status.ts';
import { buildContextOf } from '../../src/build/context.ts';
import { accessHash, jobPrefix } from '../../src/build/job.ts';
import type { Progress } from '../../src/build/outcome.ts';
import { targetOf } from '../../src/image/target.ts';
import type { Facts, JobFact, Wanted } from '../../src/plan/facts.ts';
import { type Plan, plan } from '../../src/plan/plan.ts';
import { imageSpec, settings } from '../support/objects.ts';

const NOW = new Date('2026-11-25T12:00:00Z');
const SECOND = 1000;
const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const absent: RegistryAnswer = { kind: 'absent' };
const present: RegistryAnswer = { kind: 'present', digest: DIGEST };
const denied: RegistryAnswer = { kind: 'denied', message: 'ghcr.io: denied' };
const unavailable: RegistryAnswer = { kind: 'unavailable', message: 'ghcr.io: connection refused' };

interface Given {
  spec?: object;
  status?: Status;
  generation?: number;
  answer?: RegistryAnswer;
  times?: number;
  /** A pod of the tenant's asks. */
  looking?: Wanted['looking'];
  jobs?: JobFact[];
  slotFree?: boolean;
  refused?: string;
  strays?: Facts['strays'];
  now?: Date;
}

function factsOf(given: Given): Facts {
  const more = { generation: given.generation ?? 1, ...(given.status ? { status: given.status } : {}) };
  const object = imageSpec(given.spec ?? {}, more);
  const judged = targetOf(object, settings);
  const now = given.now ?? NOW;
  const strays = given.strays ?? [];
  if (!judged.ok) return { object, wanted: { problems: judged.problems }, strays, now };
  const made = buildContextOf(judged.target, settings);
  if (!made.ok) throw new Error('too large');
  const wanted: Wanted = {
    target: judged.target,
    context: made.context,
    access: accessHash(judged.target, settings),
    jobs: given.jobs ?? [],
    asked: given.answer && { answer: given.answer, times: given.times ?? 1, ageMs: 0 },
    slotFree: given.slotFree ?? true,
    slots: 10,
    retries: judged.target.spec.build?.retries ?? 2,
    ...(given.refused === undefined ? {} : { refused: given.refused }),
    ...(given.looking === undefined ? {} : { looking: given.looking }),
  };
  return { object, wanted, strays, now };
}
const decide = (given: Given) => plan(factsOf(given));

function job(progress: Progress, more: Partial<JobFact> & { spec?: object } = {}): JobFact {
  const { spec = {}, ...rest } = more;
  const judged = targetOf(imageSpec(spec), settings);
  if (!judged.ok) throw new Error('no target');
  const attempt = more.attempt ?? 1;
  const over =
    progress.state === 'failed' || progress.state === 'succeeded' || progress.state === 'disrupted';
  return {
    name: `${jobPrefix(judged.target)}-${attempt}`,
    uid: `job-${attempt}`,
    attempt,
    access: accessHash(judged.target, settings),
    builder: 'buildkit',
    owners: ['uid-1'],
    deleting: false,
    created: NOW.getTime() - 30 * SECOND,
    ...(over ? { ended: NOW.getTime() - SECOND } : {}),
    progress,
    ...rest,
  };
}
const failed = (reason: FailureReason, subject?: string): Progress => ({
  state: 'failed',
  failure: {
    step: 'build',
    reason,
    headline: `${subject ?? 'it'}: no`,
    message: 'last lines',
    ...(subject === undefined ? {} : { subject }),
  },
});
const succeeded = (digest = DIGEST): Progress => ({
  state: 'succeeded',
  result: {
    digest,
    base: { image: 'python:3.11-slim', digest: OTHER },
    seconds: { prepare: 1, build: 20, verify: 0.2 },
  },
});
const running: Progress = { state: 'running', step: 'build' };

/** The conditions as `Ready=True(ImageAvailable)`. */
const shown = (decided: Plan) =>
  (decided.status.conditions ?? []).map((c) => `${c.type}=${c.status}(${c.reason})`);

/** What an ImageSpec's status is after a chain of passes, each seeing the status of the one before. */
function chained(...passes: Given[]): Plan {
  let status: Status | undefined;
  let decided: Plan | undefined;
  for (const given of passes) {
    decided = decide({ ...given, ...(status ? { status } : {}) });
    status = decided.status;
  }
  return decided as Plan;
}

describe('the table of situations', () => {
  it.each<[string, Given, string[], string[]]>([
    ['an image that exists is ready', { answer: present }, ['Ready=True(ImageAvailable)'], []],
    [
      'a missing image is built',
      { answer: absent },
      ['Ready=Unknown(Building)', 'Reconciling=True(Building)'],
      ['create-job'],
    ],
    [
      'a build waits for a place',
      { answer: absent, slotFree: false },
      ['Ready=Unknown(Queued)', 'Reconciling=True(Queued)'],
      [],
    ],
    [
      'a running build is waited for',
      { jobs: [job(running)] },
      ['Ready=Unknown(Building)', 'Reconciling=True(Building)'],
      [],
    ],
    [
      'a running build of somebody else is joined',
      { jobs: [job(running, { owners: ['other'] })] },
      ['Ready=Unknown(Building)', 'Reconciling=True(Building)'],
      ['join-job'],
    ],
    [
      'a build that cannot start says why',
      { jobs: [job({ state: 'pending', words: '0/1 nodes are available' })] },
      ['Ready=Unknown(BuildPending)', 'Reconciling=True(BuildPending)'],
      [],
    ],
    [
      'a quota says why',
      {
        jobs: [
          job(
            { state: 'pending' },
            { trouble: { reason: 'FailedCreate', message: 'exceeded quota: small' } },
          ),
        ],
      },
      ['Ready=Unknown(BuildPending)', 'Reconciling=True(BuildPending)'],
      [],
    ],
    [
      'a namespace that refuses the pod',
      {
        jobs: [
          job(
            { state: 'pending' },
            {
              trouble: {
                reason: 'FailedCreate',
                message: 'pods "x" is forbidden: violates PodSecurity "baseline:latest"',
              },
            },
          ),
        ],
      },
      ['Ready=False(PodSecurityDenied)', 'Stalled=True(PodSecurityDenied)'],
      [],
    ],
    [
      'a registry that refuses',
      { answer: denied },
      ['Ready=False(RegistryDenied)', 'Stalled=True(RegistryDenied)'],
      [],
    ],
    [
      'a registry that does not answer',
      { answer: unavailable },
      ['Ready=Unknown(RegistryUnreachable)', 'Reconciling=True(RegistryUnreachable)'],
      [],
    ],
    [
      'a mistake in the spec',
      { spec: { packages: ['pandas=='] } },
      ['Ready=False(InvalidSpec)', 'Stalled=True(InvalidSpec)'],
      [],
    ],
    [
      'suspended before it was ever seen',
      { spec: { suspend: true }, answer: absent },
      ['Ready=Unknown(Suspended)'],
      [],
    ],
    [
      'a pushed image the registry does not show yet',
      { answer: absent, jobs: [job(succeeded())] },
      ['Ready=Unknown(Building)', 'Reconciling=True(Building)'],
      [],
    ],
    [
      'a Job that is being deleted',
      { jobs: [job(running, { deleting: true })] },
      ['Ready=Unknown(Building)', 'Reconciling=True(Building)'],
      [],
    ],
    [
      'a policy that refuses the Job',
      { answer: absent, refused: 'denied by policy x' },
      ['Ready=False(PolicyDenied)', 'Stalled=True(PolicyDenied)'],
      [],
    ],
    [
      'a Job that contradicts itself',
      { answer: absent, refused: 'Job.batch "imagespec-1" is invalid: requests: must be less than limits' },
      ['Ready=False(InvalidSpec)', 'Stalled=True(InvalidSpec)'],
      [],
    ],
    ...[
      'exceeded quota: jobs',
      'status unknown for quota: jobs',
      'Internal error occurred: failed calling webhook "x": connection refused',
      'unable to create new content in namespace a because it is being terminated',
    ].map((refused): [string, Given, string[], string[]] => [
      `a refusal that passes by itself: ${refused}`,
      { answer: absent, refused },
      ['Ready=Unknown(BuildPending)', 'Reconciling=True(BuildPending)'],
      [],
    ]),
  ])('%s', (_name, given, conditions, actions) => {
    const decided = decide(given);
    expect(shown(decided)).toEqual(conditions);
    expect(decided.actions.map((action) => action.kind)).toEqual(actions);
  });
});

describe('a failed attempt', () => {
  it.each(['PackageNotFound', 'PythonNotFound', 'CommandFailed', 'BuildFailed', 'TagImmutable'] as const)(
    '%s stalls without another one',
    (reason) => {
      const decided = decide({ answer: absent, jobs: [job(failed(reason))] });
      expect(shown(decided)).toEqual([`Ready=False(${reason})`, `Stalled=True(${reason})`]);
      expect(decided.actions).toEqual([]);
      expect(decided.requeueAfterMs).toBeUndefined();
      expect(decided.status.lastFailure).toMatchObject({
        reason,
        count: 1,
        step: 'build',
        message: 'it: no\nlast lines',
      });
      expect(decided.notes).toMatchObject([{ type: 'Warning', reason }]);
    },
  );

  it.each(['OutOfMemory', 'OutOfDisk', 'DeadlineExceeded', 'IndexUnreachable'] as const)(
    '%s is tried again after a pause, then given up',
    (reason) => {
      const first = decide({ answer: absent, jobs: [job(failed(reason))] });
      expect(shown(first)).toEqual(['Ready=Unknown(Building)', 'Reconciling=True(Building)']);
      expect(first.requeueAfterMs).toBe(9 * SECOND);

      const later = new Date(NOW.getTime() + 9 * SECOND);
      const second = decide({
        answer: absent,
        jobs: [job(failed(reason))],
        status: first.status,
        now: later,
      });
      expect(second.actions).toEqual([{ kind: 'create-job', attempt: 2 }]);

      const jobs = [1, 2, 3].map((attempt) => job(failed(reason), { attempt }));
      const third = decide({ answer: absent, jobs, now: new Date(NOW.getTime() + 3600 * SECOND) });
      expect(shown(third)).toEqual([`Ready=False(${reason})`, `Stalled=True(${reason})`]);
      expect(conditionOf(third.status.conditions, 'Ready')?.message).toContain('Gave up after 3 attempts');
    },
  );

  it.each(['RegistryDenied', 'BaseImageNotFound'] as const)(
    '%s stalls, and is looked at again after two minutes',
    (reason) => {
      const first = decide({ answer: absent, jobs: [job(failed(reason))] });
      expect(shown(first)).toEqual([`Ready=False(${reason})`, `Stalled=True(${reason})`]);
      expect(first.requeueAfterMs).toBe(119 * SECOND);
      const later = new Date(NOW.getTime() + 120 * SECOND);
      const second = decide({
        answer: absent,
        jobs: [job(failed(reason))],
        status: first.status,
        now: later,
      });
      expect(second.actions).toEqual([{ kind: 'create-job', attempt: 2 }]);
    },
  );

  it('is told once: not again by the next pass', () => {
    const given = { answer: absent, jobs: [job(failed('CommandFailed'))] };
    const second = chained(given, given);
    expect(second.notes).toEqual([]);
    expect(second.status.lastFailure?.count).toBe(1);
  });

  it('is remembered when its Job is gone', () => {
    const second = chained(
      { answer: absent, jobs: [job(failed('PackageNotFound'))] },
      { answer: absent, jobs: [] },
    );
    expect(shown(second)).toEqual(['Ready=False(PackageNotFound)', 'Stalled=True(PackageNotFound)']);
    expect(second.actions).toEqual([]);
  });

  it('does not count for other content', () => {
    const second = chained(
      { answer: absent, jobs: [job(failed('PackageNotFound'))] },
      { spec: { packages: ['fixed'] }, generation: 2, answer: absent },
    );
    expect(second.actions).toEqual([{ kind: 'create-job', attempt: 1 }]);
  });

  it.each<[string, object]>([
    ['another Secret', { pushSecretRef: { name: 'better' } }],
    ['more memory', { build: { resources: { limits: { memory: '8Gi' } } } }],
    ['a longer time', { build: { timeoutSeconds: 7200 } }],
    ['a new rebuild number', { rebuild: 1 }],
  ])('does not count with %s', (_name, spec) => {
    const jobs = [job(failed('OutOfMemory'), { attempt: 3 })];
    const second = chained({ answer: absent, jobs }, { spec, generation: 2, answer: absent, jobs });
    expect(second.actions).toEqual([{ kind: 'create-job', attempt: 4 }]);
  });

  it('names the entry of the spec it is about', () => {
    const spec = { packages: ['requests', 'Pandsa>=1'] };
    const decided = decide({
      spec,
      answer: absent,
      jobs: [job(failed('PackageNotFound', 'pandsa'), { spec })],
    });
    expect(conditionOf(decided.status.conditions, 'Ready')?.message).toContain(
      'pandsa: no; check spec.packages[1]',
    );
  });

  it('counts on when the Job before it is gone', () => {
    const one = { answer: absent, jobs: [job(failed('OutOfDisk'))] };
    const started = chained(one, { ...one, now: new Date(NOW.getTime() + 20 * SECOND) });
    const third = decide({
      answer: absent,
      jobs: [job(failed('OutOfDisk'), { attempt: 2, ended: NOW.getTime() + 40 * SECOND })],
      status: started.status,
    });
    expect(third.status.lastFailure?.count).toBe(2);
  });

  it('that pushed an image the registry then does not have is tried again', () => {
    const old = job(succeeded(), { ended: NOW.getTime() - 120 * SECOND });
    expect(decide({ answer: absent, jobs: [old] }).actions).toEqual([{ kind: 'create-job', attempt: 2 }]);
  });
});

describe('a failure that was told', () => {
  const first: Given = { answer: absent, jobs: [job(failed('CommandFailed'))] };

  it('stays what it was when its pod goes before its Job', () => {
    const gone = job({ state: 'disrupted' }, { ended: NOW.getTime() });
    const second = chained(first, { answer: absent, jobs: [gone] });
    expect(shown(second)).toEqual(['Ready=False(CommandFailed)', 'Stalled=True(CommandFailed)']);
    expect(second.actions).toEqual([]);
    expect(second.notes).toEqual([]);
  });

  it('is not told again after an edit to other content and back', () => {
    const other: Given = { spec: { packages: ['other'] }, generation: 2, answer: absent };
    const back = chained(first, other, { ...first, generation: 3 });
    expect(back.status.lastFailure?.count).toBe(1);
    expect(back.notes).not.toContainEqual(expect.objectContaining({ action: 'Build' }));
  });

  it('of a Job that is being deleted is not taken for another one', () => {
    const decided = decide({ answer: absent, jobs: [job({ state: 'disrupted' }, { deleting: true })] });
    expect(decided.status.lastFailure).toBeUndefined();
    expect(decided.actions).toEqual([{ kind: 'create-job', attempt: 2 }]);
  });
});

describe('what the cluster did is no verdict about the build', () => {
  it('Interrupted is tried again, and given up in the end', () => {
    const first = decide({ answer: absent, jobs: [job(failed('Interrupted'))] });
    expect(shown(first)).toEqual(['Ready=Unknown(Building)', 'Reconciling=True(Building)']);
    const jobs = [1, 2, 3].map((attempt) => job(failed('Interrupted'), { attempt }));
    const last = decide({ answer: absent, jobs });
    expect(shown(last)).toEqual(['Ready=False(BuildFailed)', 'Stalled=True(BuildFailed)']);
  });

  it('a registry that a build could not reach is tried again for as long as it takes, ever more rarely', () => {
    const jobs = [1, 2, 3, 4, 5].map((attempt) => job(failed('RegistryUnreachable'), { attempt }));
    const decided = decide({ answer: absent, jobs });
    expect(shown(decided)).toEqual([
      'Ready=Unknown(RegistryUnreachable)',
      'Reconciling=True(RegistryUnreachable)',
    ]);
    expect(decided.requeueAfterMs).toBe((30 * 2 ** 4 - 1) * SECOND);
    const later = new Date(NOW.getTime() + 3600 * SECOND);
    expect(decide({ answer: absent, jobs, now: later }).actions).toEqual([
      { kind: 'create-job', attempt: 6 },
    ]);
  });

  it('a build that never began is pending, whatever its time limit, and begins again', () => {
    const jobs = [1, 2, 3, 4].map((attempt) => job(failed('NotStarted'), { attempt }));
    const decided = decide({ answer: absent, jobs });
    expect(shown(decided)).toEqual(['Ready=Unknown(BuildPending)', 'Reconciling=True(BuildPending)']);
    const later = new Date(NOW.getTime() + 3600 * SECOND);
    expect(decide({ answer: absent, jobs, now: later }).actions).toEqual([
      { kind: 'create-job', attempt: 5 },
    ]);
  });
});

describe('ready', () => {
  const ready = { answer: present };
  it('pins the image by digest and remembers it', () => {
    const { status } = decide(ready);
    expect(status.resolvedImage).toBe(`${status.image}@${DIGEST}`);
    expect(status).toMatchObject({
      digest: DIGEST,
      checkedBy: 'Operator',
      observedGeneration: 1,
      rebuild: 0,
    });
    expect(status.latestReady).toMatchObject({ image: status.resolvedImage, observedGeneration: 1 });
  });

  it('tells where the time went after a build', () => {
    const started = NOW.getTime() - 28 * SECOND;
    const { status } = decide({ answer: present, jobs: [job(succeeded(), { started })] });
    expect(status.build).toMatchObject({
      attempt: 1,
      builder: 'buildkit',
      seconds: { queue: 2, prepare: 1, build: 20, verify: 0.2 },
    });
    expect(status.base).toEqual({ image: 'python:3.11-slim', digest: OTHER });
  });

  it('stays ready when the registry cannot be asked or refuses', () => {
    for (const answer of [unavailable, denied]) {
      const second = chained(ready, { answer });
      expect(shown(second)).toEqual(['Ready=True(ImageAvailable)']);
      expect(second.status.resolvedImage).toBeDefined();
      expect(second.notes).toMatchObject([{ type: 'Warning' }]);
      expect(second.actions).toEqual([]);
    }
  });

  it('is built again when the image is gone', () => {
    const second = chained(ready, { answer: absent });
    expect(shown(second)).toEqual(['Ready=False(Building)', 'Reconciling=True(Building)']);
    expect(second.status.resolvedImage).toBeUndefined();
    expect(second.status.latestReady).toBeDefined();
    expect(second.actions).toMatchObject([{ kind: 'create-job' }]);
  });

  it('of older content no longer counts after an edit', () => {
    const second = chained(ready, { spec: { packages: ['new'] }, generation: 2, answer: absent });
    expect(second.status.resolvedImage).toBeUndefined();
    expect(second.status.observedGeneration).toBe(2);
    expect(second.status.latestReady?.observedGeneration).toBe(1);
  });

  it('follows the generation when an edit changes nothing of the content', () => {
    const second = chained(ready, { spec: { build: { timeoutSeconds: 60 } }, generation: 2 });
    expect(second.status.observedGeneration).toBe(2);
    expect(conditionOf(second.status.conditions, 'Ready')).toMatchObject({
      status: 'True',
      observedGeneration: 2,
    });
  });

  it('is not lost when a neighbour builds the same content anew', () => {
    const theirs = job(running, { owners: ['other'], access: 'theirs' });
    const second = chained(ready, { jobs: [theirs] });
    expect(shown(second)).toEqual(['Ready=True(ImageAvailable)']);
    expect(second.status.resolvedImage).toBeDefined();
    expect(second.actions).toEqual([]);
  });

  it('and then gone is built again, although its Job is still there and succeeded', () => {
    const made = job(succeeded(), { ended: NOW.getTime() - 600 * SECOND });
    const second = chained(
      { answer: present, jobs: [made] },
      { spec: { build: { retries: 0 } }, answer: absent, jobs: [made] },
    );
    expect(second.actions).toEqual([{ kind: 'create-job', attempt: 2 }]);
    expect(second.status.lastFailure).toBeUndefined();
  });

  it('stays as it is while suspended', () => {
    const second = chained(ready, { spec: { suspend: true }, generation: 2 });
    expect(conditionOf(second.status.conditions, 'Ready')).toMatchObject({
      status: 'True',
      observedGeneration: 2,
    });
    expect(second.status.resolvedImage).toBeDefined();
  });

  it('writes nothing new when nothing changed', () => {
    const first = decide(ready);
    const second = decide({ ...ready, status: first.status, now: new Date(NOW.getTime() + 3600 * SECOND) });
    expect(second.status).toEqual(first.status);
    expect(second.notes).toEqual([]);
  });
});

describe('rebuild', () => {
  const ready: Given = { answer: present };
  const again: Given = { spec: { rebuild: 1 }, generation: 2, answer: present };

  it('the first number ever seen is adopted without a build', () => {
    const decided = decide({ spec: { rebuild: 5 }, answer: present });
    expect(decided.actions).toEqual([]);
    expect(decided.status.rebuild).toBe(5);
  });

  it('a new number builds again while the old image stays ready for the old generation', () => {
    const decided = chained(ready, again);
    expect(decided.actions).toEqual([{ kind: 'create-job', attempt: 1, fresh: true }]);
    expect(decided.status.resolvedImage).toContain(DIGEST);
    expect(decided.status).toMatchObject({ observedGeneration: 2, rebuild: 0 });
    expect(shown(decided)).toEqual(['Ready=True(ImageAvailable)', 'Reconciling=True(Building)']);
    expect(conditionOf(decided.status.conditions, 'Ready')?.observedGeneration).toBe(1);
  });

  it('ends with the new digest', () => {
    const jobs = [job(succeeded(OTHER), { spec: { rebuild: 1 } })];
    const decided = chained(ready, again, { ...again, jobs, answer: { kind: 'present', digest: OTHER } });
    expect(shown(decided)).toEqual(['Ready=True(ImageAvailable)']);
    expect(decided.status).toMatchObject({ rebuild: 1, digest: OTHER });
  });

  it('does not take the old digest for the new one', () => {
    const jobs = [job(succeeded(OTHER), { spec: { rebuild: 1 } })];
    const decided = chained(ready, again, { ...again, jobs });
    expect(shown(decided)).toContain('Reconciling=True(Building)');
    expect(decided.status.rebuild).toBe(0);
  });

  it('keeps the old image ready whatever stands in its way', () => {
    const forbidden = job(
      { state: 'pending' },
      { trouble: { reason: 'FailedCreate', message: 'violates PodSecurity' }, spec: { rebuild: 1 } },
    );
    const ways: [Given, string][] = [
      [{ ...again, answer: unavailable }, 'RegistryUnreachable'],
      [{ ...again, answer: denied }, 'RegistryDenied'],
      [{ ...again, refused: 'denied by policy x' }, 'PolicyDenied'],
      [{ spec: { rebuild: 1 }, generation: 2, jobs: [forbidden] }, 'PodSecurityDenied'],
      [{ spec: { rebuild: 1 }, generation: 2, looking: {} }, 'Progressing'],
      [{ spec: { rebuild: 1 }, generation: 2, looking: { words: 'no such Secret' } }, 'BuildPending'],
      [{ ...again, slotFree: false }, 'Queued'],
    ];
    for (const [given, reason] of ways) {
      const decided = chained(ready, given);
      expect(shown(decided)).toEqual(['Ready=True(ImageAvailable)', `Reconciling=True(${reason})`]);
      expect(conditionOf(decided.status.conditions, 'Ready')?.observedGeneration).toBe(1);
      expect(decided.status.resolvedImage).toContain(DIGEST);
    }
  });

  it('back to an earlier number builds once more', () => {
    const zero = job(succeeded(), { attempt: 1 });
    const one = job(succeeded(OTHER), { attempt: 2, spec: { rebuild: 1 } });
    const nowOther: RegistryAnswer = { kind: 'present', digest: OTHER };
    const back: Given = { spec: { rebuild: 0 }, generation: 3, answer: nowOther, jobs: [zero, one] };
    const decided = chained(
      { spec: { rebuild: 0 }, answer: present },
      { ...again, answer: nowOther, jobs: [zero, one] },
      back,
    );
    expect(decided.actions).toMatchObject([{ kind: 'create-job', attempt: 3 }]);
  });

  it('that fails leaves the old image ready and tells of the failure', () => {
    const jobs = [job(failed('CommandFailed'), { spec: { rebuild: 1 } })];
    const before = { ...ready, now: new Date(NOW.getTime() - 60 * SECOND) };
    const decided = chained(before, again, { ...again, jobs });
    expect(shown(decided)).toEqual(['Ready=True(ImageAvailable)']);
    expect(conditionOf(decided.status.conditions, 'Ready')?.observedGeneration).toBe(2);
    expect(decided.status).toMatchObject({
      rebuild: 1,
      digest: DIGEST,
      lastFailure: { reason: 'CommandFailed' },
    });
    expect(decided.notes).toMatchObject([{ type: 'Warning', reason: 'CommandFailed' }]);
    const next = decide({ ...again, jobs, status: decided.status });
    expect(next.actions).toEqual([]);
    expect(next.status.lastFailure?.reason).toBe('CommandFailed');
  });
});

describe('Jobs nobody wants', () => {
  it('are deleted when they were only ours, and left to the others when not', () => {
    const strays = [
      { name: 'a', uid: '1', owners: ['uid-1'] },
      { name: 'b', uid: '2', owners: ['uid-1', 'other'] },
    ];
    expect(decide({ answer: present, strays }).actions).toEqual([
      { kind: 'delete-job', job: 'a', uid: '1' },
      { kind: 'leave-job', job: 'b', uid: '2' },
    ]);
  });

  it('a running build of ours alone is replaced when its access changed', () => {
    const decided = decide({ jobs: [job(running, { access: 'old' })] });
    expect(decided.actions).toEqual([{ kind: 'delete-job', job: expect.any(String), uid: 'job-1' }]);
  });

  it('a shared one goes on', () => {
    const decided = decide({ jobs: [job(running, { access: 'old', owners: ['uid-1', 'other'] })] });
    expect(decided.actions).toEqual([]);
  });
});

it('a registry that says "ask again at once" is not', () => {
  const decided = decide({ answer: { kind: 'unavailable', message: 'x', retryAfterMs: 0 } });
  expect(decided.requeueAfterMs).toBe(5 * SECOND);
});

it('a sentence is never longer than the API server takes', () => {
  const packages = Array.from({ length: 512 }, (_, n) => `${'x'.repeat(60)}-${n}==`);
  const decided = decide({ spec: { packages } });
  expect(shown(decided)).toEqual(['Ready=False(InvalidSpec)', 'Stalled=True(InvalidSpec)']);
  for (const condition of decided.status.conditions ?? [])
    expect(condition.message.length).toBeLessThanOrEqual(32_768);
});

describe('whatever the facts', () => {
  const progress: fc.Arbitrary<Progress> = fc.oneof(
    fc.constant(running),
    fc.constant<Progress>({ state: 'pending' }),
    fc.constant<Progress>({ state: 'disrupted' }),
    fc.constant(succeeded()),
    fc.constantFrom(...FAILURE_REASONS).map((reason) => failed(reason)),
  );
  const given: fc.Arbitrary<Given> = fc.record(
    {
      spec: fc.constantFrom({}, { suspend: true }, { rebuild: 1 }, { packages: ['a'] }, { packages: ['=='] }),
      answer: fc.constantFrom(absent, present, denied, unavailable),
      jobs: fc
        .array(progress, { maxLength: 3 })
        .map((list) => list.map((one, index) => job(one, { attempt: index + 1 }))),
      slotFree: fc.boolean(),
      times: fc.integer({ min: 1, max: 50 }),
    },
    { requiredKeys: [] },
  );
  const chain = fc.array(given, { minLength: 1, maxLength: 5 });
  const each = (check: (decided: Plan, facts: Given) => void) =>
    fc.assert(
      fc.property(chain, (passes) => {
        let status: Status | undefined;
        let generation = 0;
        for (const pass of passes) {
          generation += 1;
          const facts = { ...pass, generation, ...(status ? { status } : {}) };
          const decided = decide(facts);
          check(decided, facts);
          status = decided.status;
        }
      }),
      { numRuns: 1000 },
    );

  it('Ready is always there, Reconciling and Stalled never both', () =>
    each((decided) => {
      const types = (decided.status.conditions ?? [])
        .filter((c) => c.type === 'Ready' || c.status === 'True')
        .map((c) => c.type);
      expect(types[0]).toBe('Ready');
      expect(types.includes('Reconciling') && types.includes('Stalled')).toBe(false);
    }));

  it('resolvedImage is there exactly when Ready is true', () =>
    each(({ status }) => {
      expect(status.resolvedImage !== undefined).toBe(
        conditionOf(status.conditions, 'Ready')?.status === 'True',
      );
    }));

  it('a build starts only after the registry said the image is missing, or on a new rebuild number', () =>
    each((decided, facts) => {
      if (!decided.actions.some((action) => action.kind === 'create-job')) return;
      expect(
        facts.answer?.kind === 'absent' ||
          (facts.answer?.kind === 'present' && 'rebuild' in (facts.spec ?? {})),
      ).toBe(true);
      expect((facts.jobs ?? []).every((one) => one.ended !== undefined)).toBe(true);
    }));

  it('the same facts give the same plan, and a second pass with nothing new changes nothing', () =>
    each((decided, facts) => {
      expect(decide(facts)).toEqual(decided);
      if (decided.actions.length > 0 || facts.answer === undefined) return;
      const second = decide({ ...facts, status: decided.status });
      if (second.actions.length === 0) expect(second.status.conditions).toEqual(decided.status.conditions);
    }));

  it('who is working or waiting comes back by itself', () =>
    each((decided) => {
      const reconciling = conditionOf(decided.status.conditions, 'Reconciling');
      if (reconciling) expect(decided.requeueAfterMs).toBeGreaterThan(0);
    }));
});
