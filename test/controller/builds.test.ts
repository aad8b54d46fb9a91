import { expect, it, vi } from 'vitest';
import type { V1Job } from '../../src/api/kubernetes.ts';
import { Builds } from '../../src/controller/builds.ts';
import { jobView } from '../../src/controller/views.ts';
import { settings } from '../support/objects.ts';

const NAMESPACE = 'team-a';

const view = () =>
  jobView({ metadata: { namespace: NAMESPACE, name: 'imagespec-x-1', uid: 'job' } } as V1Job);

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
