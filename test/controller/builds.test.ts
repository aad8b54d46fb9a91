import { describe, expect, it, vi } from 'vitest';
import type { V1Job, V1Pod } from '../../src/api/kubernetes.ts';
import { LABELS } from '../../src/api/names.ts';
import { Builds } from '../../src/controller/builds.ts';
import { jobView, type PodView, podView } from '../../src/controller/views.ts';
import { settings } from '../support/objects.ts';

const NAMESPACE = 'team-a';

const view = (status: V1Job['status'] = {}) => {
  const labels = { [LABELS.attempt]: '1', [LABELS.builder]: 'buildkit' };
  const metadata = { namespace: NAMESPACE, name: 'imagespec-x-1', uid: 'job', labels };
  return jobView({ metadata, status } as V1Job);
};
const ended = (type: 'Complete' | 'Failed') =>
  view({ conditions: [{ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:10Z' }] });

const pod = (status: V1Pod['status'], metadata: object = {}) => {
  const labels = {
    'batch.kubernetes.io/job-name': 'imagespec-x-1',
    'batch.kubernetes.io/controller-uid': 'job',
  };
  return podView({
    metadata: { namespace: NAMESPACE, name: 'x', uid: 'pod', labels, ...metadata },
    status,
  } as V1Pod);
};

it('a Job that completed has succeeded, also when its pod is gone', () => {
  expect(new Builds(settings).factOf(ended('Complete')).progress).toEqual({
    state: 'succeeded',
    result: undefined,
  });
  expect(new Builds(settings).factOf(ended('Failed')).progress).toEqual({ state: 'disrupted' });
});

it('a Job that completed is still under way for whoever has not seen the end of its pod', () => {
  const builds = new Builds(settings);
  builds.podChanged(undefined, pod({ phase: 'Running' }));
  expect(builds.factOf(ended('Complete')).ended).toBeUndefined();
});

describe('a failed pod that somebody deleted', () => {
  const failed = (deletionTimestamp: string): PodView => {
    const terminated = { exitCode: 137, finishedAt: '2026-01-01T00:00:05Z' };
    const initContainerStatuses = [{ name: 'build', state: { terminated } }];
    const status = { phase: 'Failed', initContainerStatuses } as V1Pod['status'];
    return pod(status, { deletionTimestamp, deletionGracePeriodSeconds: 10 });
  };
  const progress = (deletionTimestamp: string) => {
    const builds = new Builds(settings);
    builds.podChanged(undefined, failed(deletionTimestamp));
    return builds.factOf(ended('Failed')).progress;
  };

  it('before its end was disrupted, whatever its last step says', () => {
    expect(progress('2026-01-01T00:00:14Z')).toEqual({ state: 'disrupted' });
  });

  it('after its end failed by itself', () => {
    expect(progress('2026-01-01T01:00:00Z')).toMatchObject({ failure: { reason: 'OutOfMemory' } });
  });

  it('has not ended a Job that will make another', () => {
    const builds = new Builds(settings);
    builds.podChanged(undefined, failed('2026-01-01T00:00:14Z'));
    expect(builds.factOf(view()).ended).toBeUndefined();
  });
});

it('a Job that no watch ever brings is forgotten after a minute, however often the API server named it', () => {
  vi.useFakeTimers();
  try {
    const builds = new Builds(settings);
    builds.learned(view());
    builds.learned(view());
    expect(builds.jobsOf(NAMESPACE)).toHaveLength(1);
    vi.advanceTimersByTime(61_000);
    expect(builds.jobsOf(NAMESPACE)).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});

it('a Job that a watch brought stays, also when the API server names it again', () => {
  vi.useFakeTimers();
  try {
    const builds = new Builds(settings);
    builds.jobChanged(undefined, view());
    builds.learned(view());
    vi.advanceTimersByTime(61_000);
    expect(builds.jobsOf(NAMESPACE)).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
});
