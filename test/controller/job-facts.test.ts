import { describe, expect, it } from 'vitest';
import type { V1Job, V1Pod } from '../../src/api/kubernetes.ts';
import { LABELS } from '../../src/api/names.ts';
import { jobFact } from '../../src/controller/job-facts.ts';
import { type JobView, jobView, type PodView, podView } from '../../src/controller/views.ts';
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

const factOf = (job: JobView, of?: PodView) => jobFact(job, of, settings.builders);

it('a Job that completed has succeeded, also when its pod is gone', () => {
  expect(factOf(ended('Complete')).progress).toEqual({ state: 'succeeded', result: undefined });
  expect(factOf(ended('Failed')).progress).toEqual({ state: 'disrupted' });
});

it('a Job that completed is still under way for whoever has not seen the end of its pod', () => {
  expect(factOf(ended('Complete'), pod({ phase: 'Running' })).ended).toBeUndefined();
});

describe('a failed pod that somebody deleted', () => {
  const failed = (deletionTimestamp: string): PodView => {
    const terminated = { exitCode: 137, finishedAt: '2026-01-01T00:00:05Z' };
    const initContainerStatuses = [{ name: 'build', state: { terminated } }];
    const status = { phase: 'Failed', initContainerStatuses } as V1Pod['status'];
    return pod(status, { deletionTimestamp, deletionGracePeriodSeconds: 10 });
  };
  const progress = (deletionTimestamp: string) => factOf(ended('Failed'), failed(deletionTimestamp)).progress;

  it('before its end was disrupted, whatever its last step says', () => {
    expect(progress('2026-01-01T00:00:14Z')).toEqual({ state: 'disrupted' });
  });

  it('after its end failed by itself', () => {
    expect(progress('2026-01-01T01:00:00Z')).toMatchObject({ failure: { reason: 'OutOfMemory' } });
  });

  it('has not ended a Job that will make another', () => {
    expect(factOf(view(), failed('2026-01-01T00:00:14Z')).ended).toBeUndefined();
  });
});
