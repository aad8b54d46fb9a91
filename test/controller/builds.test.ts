import { afterEach, describe, expect, it, vi } from 'vitest';
import type { V1Job, V1Pod } from '../../src/api/kubernetes.ts';
import { Builds } from '../../src/controller/builds.ts';
import { jobView, podView } from '../../src/controller/views.ts';
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

describe('a build holds its place', () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  /** Builds that hold a place when their Job has been there for twenty seconds. */
  const active = (...conditions: [type: string, status: string][]): number => {
    vi.useFakeTimers();
    const builds = new Builds(settings);
    builds.jobChanged(undefined, view());
    expect(builds.active).toBe(1);
    const labels = { 'batch.kubernetes.io/controller-uid': 'job' };
    const status = { conditions: conditions.map(([type, status]) => ({ type, status })) };
    builds.podChanged(undefined, podView({ metadata: { name: 'pod', labels }, status } as V1Pod));
    vi.advanceTimersByTime(20_000);
    return builds.active;
  };

  it('while its pod runs', () => {
    expect(active(['PodScheduled', 'True'], ['PodReadyToStartContainers', 'True'])).toBe(1);
    // As Kubernetes before 1.29 says it.
    expect(active(['PodScheduled', 'True'])).toBe(1);
  });

  it('not while its pod has no node', () => {
    expect(active(['PodScheduled', 'False'])).toBe(0);
  });

  it('not while its pod waits for a Secret that is not there', () => {
    expect(active(['PodScheduled', 'True'], ['PodReadyToStartContainers', 'False'])).toBe(0);
  });
});
