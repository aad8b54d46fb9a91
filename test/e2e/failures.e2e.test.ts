/** A build that cannot work: the reason in one word, the tool's own last lines, one attempt, and a way back. */
import { expect } from 'vitest';
import {
  apply,
  change,
  cluster,
  conditionsOf,
  eventsAbout,
  hasReason,
  jobsIn,
  kubectl,
  podsIn,
  RUN,
  reached,
  ready,
  test,
  watchJobs,
  withOperator,
} from '../support/e2e.ts';

const NAME = `${RUN}/failures`;

interface Failure {
  readonly spec: object;
  readonly reason: string;
  /** In the condition, for a person to act on. */
  readonly says: string;
  /** In status.lastFailure: the tool's own words. */
  readonly tool: RegExp;
  readonly step: 'prepare' | 'build';
}

const FAILURES: Readonly<Record<string, Failure>> = {
  'no-package': {
    spec: { packages: ['six', 'no-such-package-of-imagespec'] },
    reason: 'PackageNotFound',
    says: 'no-such-package-of-imagespec: no such package; check spec.packages[1]',
    tool: /no-such-package-of-imagespec was not found in the package registry/,
    step: 'build',
  },
  'no-version': {
    spec: { packages: ['six==99.0'] },
    reason: 'PackageNotFound',
    says: 'check spec.packages[0]',
    tool: /no version of six==99\.0/,
    step: 'build',
  },
  'no-debian-package': {
    spec: { aptPackages: ['hello', 'no-such-debian-package'] },
    reason: 'PackageNotFound',
    says: 'no-such-debian-package: no such Debian package; check spec.aptPackages[1]',
    tool: /Unable to locate package no-such-debian-package/,
    step: 'build',
  },
  'bad-command': {
    spec: { commands: ['echo so far so good', 'cat /no/such/file'] },
    reason: 'CommandFailed',
    says: 'cat: /no/such/file: No such file or directory',
    tool: /so far so good cat: \/no\/such\/file: No such file or directory/,
    step: 'build',
  },
  'no-base': {
    spec: { baseImage: `${cluster.registry}/no/such/base:1` },
    reason: 'BaseImageNotFound',
    says: `${cluster.registry}/no/such/base:1: no such image`,
    tool: /no such image/,
    step: 'prepare',
  },
  'no-python': {
    spec: { baseImage: 'python:3.11-slim', pythonVersion: '3.13' },
    reason: 'PythonNotFound',
    says: 'the base image has no Python 3.13 (found: 3.11.',
    tool: /no Python 3\.13/,
    step: 'build',
  },
};

/** Tools break their lines where they like. */
const oneLine = (text = '') => text.replace(/\s+/g, ' ');

withOperator('a build that fails', () => {
  test('is Stalled with its reason and the last lines, is not tried again, and recovers by an edit', async ({
    newNamespace,
  }) => {
    const namespace = await newNamespace();
    const jobs = await watchJobs(namespace);
    const specs = Object.entries(FAILURES).map(
      ([name, { spec }]) => [name, { name: NAME, ...spec }] as const,
    );
    await apply(namespace, Object.fromEntries(specs));

    await Promise.all(
      Object.entries(FAILURES).map(async ([name, { reason, says, tool, step }]) => {
        const shown = await hasReason(namespace, name, reason, 120);
        const { status } = shown;
        expect(conditionsOf(shown), name).toMatchObject({
          ready: 'False',
          stalled: true,
          reconciling: false,
        });
        expect(conditionsOf(shown).message, name).toContain(says);
        expect(status.resolvedImage, name).toBeUndefined();
        expect(status.lastFailure, name).toMatchObject({ reason, step, count: 1, specHash: status.specHash });
        expect(oneLine(status.lastFailure?.message), name).toMatch(tool);
        expect(Buffer.byteLength(status.lastFailure?.message ?? ''), name).toBeLessThanOrEqual(4096);

        const warnings = async () =>
          (await eventsAbout(namespace, name)).filter(({ type }) => type === 'Warning');
        const told = await reached(`Event about ${name}`, warnings, (events) => events.length > 0, 5);
        expect(oneLine(told[0]?.note), name).toMatch(tool);
        expect(told, name).toEqual([expect.objectContaining({ reason, note: expect.any(String) })]);
      }),
    );
    // From the container's end to the status: seconds, not a look every minute.
    const ends = (await podsIn(namespace)).flatMap(({ metadata, status }) =>
      (status?.initContainerStatuses ?? []).map(({ state }) => ({
        job: metadata?.labels?.['batch.kubernetes.io/job-name'],
        at: Date.parse(state?.terminated?.finishedAt ?? ''),
      })),
    );
    for (const name of Object.keys(FAILURES)) {
      const { status } = await hasReason(namespace, name, FAILURES[name]?.reason ?? '', 0);
      const ended = Math.max(
        ...ends.filter(({ job, at }) => job === status.build?.jobName && at).map(({ at }) => at),
      );
      const stalled = Date.parse(
        status.conditions?.find(({ type }) => type === 'Stalled')?.lastTransitionTime ?? '',
      );
      expect(stalled - ended, name).toBeLessThanOrEqual(5000);
    }

    expect(jobs.seen.size).toBe(Object.keys(FAILURES).length);
    await expect(
      kubectl([
        'wait',
        'imagespec/no-package',
        `--namespace=${namespace}`,
        '--for=condition=Ready',
        '--timeout=1s',
      ]),
    ).rejects.toThrow('timed out');

    // What all of them want now is one content: one build serves all.
    const fixed = {
      packages: null,
      aptPackages: null,
      baseImage: null,
      pythonVersion: null,
      commands: ['true'],
    };
    await Promise.all(Object.keys(FAILURES).map((name) => change(namespace, name, fixed)));
    const healed = await Promise.all(Object.keys(FAILURES).map((name) => ready(namespace, name)));
    expect(new Set(healed.map(({ status }) => status.resolvedImage)).size).toBe(1);
    for (const { status } of healed) {
      expect(status.conditions).toHaveLength(1);
      expect(status.lastFailure).toBeUndefined();
    }
    expect(jobs.seen.size).toBe(Object.keys(FAILURES).length + 1);
    expect(await jobsIn(namespace)).toHaveLength(jobs.seen.size);
    jobs.end();
  });
});
