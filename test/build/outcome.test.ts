import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildResultSchema } from '../../src/api/build-result.ts';
import type { V1ContainerState, V1Pod } from '../../src/api/kubernetes.ts';
import { explainLog } from '../../src/build/explain.ts';
import { progressOf } from '../../src/build/outcome.ts';

type States = Partial<Record<'prepare' | 'build' | 'verify', V1ContainerState>>;

function pod(phase: string, states: States = {}, more: Partial<NonNullable<V1Pod['status']>> = {}): V1Pod {
  const statuses = (names: (keyof States)[]) =>
    names
      .filter((name) => states[name])
      .map((name) => ({ name, state: states[name], image: '', imageID: '', ready: false, restartCount: 0 }));
  return {
    status: {
      phase,
      initContainerStatuses: statuses(['prepare', 'build']),
      containerStatuses: statuses(['verify']),
      ...more,
    },
  } as V1Pod;
}
const ended = (exitCode: number, message?: string, reason?: string): V1ContainerState => ({
  terminated: {
    exitCode,
    ...(message === undefined ? {} : { message }),
    ...(reason === undefined ? {} : { reason }),
  },
});
const waiting = (reason: string, message: string): V1ContainerState => ({ waiting: { reason, message } });
const running: V1ContainerState = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const ok: V1ContainerState = { terminated: { exitCode: 0, startedAt: '2026-01-01T00:00:00Z' } };
const DIGEST = `sha256:${'a'.repeat(64)}`;

const progress = (given: V1Pod) => progressOf(given, explainLog, buildResultSchema);

describe('a pod that has not ended', () => {
  it.each<[string, V1Pod, object]>([
    ['nothing known yet', pod('Pending'), { state: 'pending' }],
    [
      'not schedulable, in the scheduler’s words',
      pod(
        'Pending',
        {},
        {
          conditions: [
            {
              type: 'PodScheduled',
              status: 'False',
              reason: 'Unschedulable',
              message: '0/1 nodes are available',
            },
          ],
        },
      ),
      { state: 'pending', words: '0/1 nodes are available' },
    ],
    [
      'engine image not pullable',
      pod('Pending', { prepare: ok, build: waiting('ImagePullBackOff', 'Back-off pulling image "x"') }),
      { state: 'pending', words: 'step build: ImagePullBackOff: Back-off pulling image "x"' },
    ],
    [
      'creating a container is no trouble',
      pod('Pending', { prepare: waiting('ContainerCreating', '') }),
      { state: 'pending' },
    ],
    ['preparing', pod('Pending', { prepare: running }), { state: 'running', step: 'prepare' }],
    ['between prepare and build', pod('Pending', { prepare: ok }), { state: 'pending', step: 'build' }],
    ['building', pod('Pending', { prepare: ok, build: running }), { state: 'running', step: 'build' }],
    [
      'verifying',
      pod('Running', { prepare: ok, build: ok, verify: running }),
      { state: 'running', step: 'verify' },
    ],
  ])('%s', (_name, given, expected) => {
    expect(progress(given)).toEqual(expected);
  });
});

describe('a pod whose steps prepare and build start together', () => {
  const together = (phase: string, states: States): V1Pod => {
    const { status } = pod(phase, states);
    const { initContainerStatuses, ...rest } = status ?? {};
    return { status: { ...rest, containerStatuses: initContainerStatuses } } as V1Pod;
  };
  const result = { digest: DIGEST, seconds: { prepare: 1, build: 2, verify: 0.1 } };

  it.each<[string, V1Pod, object]>([
    [
      'prepares while both run',
      together('Running', { prepare: running, build: running }),
      { state: 'running', step: 'prepare' },
    ],
    [
      'builds when the first has ended',
      together('Running', { prepare: ok, build: running }),
      { state: 'running', step: 'build' },
    ],
    [
      'has not succeeded when the first has',
      together('Running', { prepare: ok, build: waiting('ContainerCreating', '') }),
      { state: 'pending', step: 'build' },
    ],
    [
      'has succeeded as soon as the second has, whatever its phase says',
      together('Running', { prepare: ok, build: ended(0, JSON.stringify(result)) }),
      { state: 'succeeded', result },
    ],
    [
      'failed where the first failed, and not where the second gave up therefore',
      together('Failed', {
        prepare: ended(1, '{"reason":"RegistryDenied","message":"x: denied"}'),
        build: ended(1, '{"reason":"Interrupted","message":"the step prepare ended before it was done"}'),
      }),
      { state: 'failed', failure: { step: 'prepare', reason: 'RegistryDenied' } },
    ],
    [
      'failed as its engine says',
      together('Failed', { prepare: ok, build: ended(1, 'imagespec: PythonNotFound: no Python') }),
      { state: 'failed', failure: { step: 'build', reason: 'PythonNotFound' } },
    ],
    [
      'failed as our own program says after the engine',
      together('Failed', { prepare: ok, build: ended(1, '{"reason":"RegistryUnreachable","message":"x"}') }),
      { state: 'failed', failure: { step: 'build', reason: 'RegistryUnreachable', headline: 'x' } },
    ],
  ])('%s', (_name, given, expected) => {
    expect(progress(given)).toMatchObject(expected);
  });
});

describe('a pod that succeeded', () => {
  const result = { digest: DIGEST, seconds: { prepare: 1, build: 2, verify: 0.1 } };
  it('tells its result', () => {
    expect(progress(pod('Succeeded', { verify: ended(0, JSON.stringify(result)) }))).toEqual({
      state: 'succeeded',
      result,
    });
  });
  it('has succeeded as soon as its last step has, whatever its phase says', () => {
    expect(progress(pod('Running', { verify: ended(0, JSON.stringify(result)) }))).toEqual({
      state: 'succeeded',
      result,
    });
  });
  it.each([
    undefined,
    '',
    'not json',
    '{"digest":"sha256:short"}',
    JSON.stringify({ ...result, seconds: { build: -1 } }),
    'x'.repeat(5000),
  ])('is believed nothing that does not fit the schema: %j', (message) => {
    expect(progress(pod('Succeeded', { verify: ended(0, message) }))).toEqual({
      state: 'succeeded',
      result: undefined,
    });
  });
});

describe('a pod that failed', () => {
  const failure = (given: V1Pod) => {
    const found = progress(given);
    return found.state === 'failed' ? found.failure : found;
  };
  it.each<[string, V1Pod, object]>([
    [
      'time limit',
      pod(
        'Failed',
        { prepare: ok, build: ended(137) },
        {
          reason: 'DeadlineExceeded',
          message: 'Pod was active on the node longer than the specified deadline',
        },
      ),
      { reason: 'DeadlineExceeded', step: 'build' },
    ],
    [
      'memory',
      pod('Failed', { prepare: ok, build: ended(137, '', 'OOMKilled') }),
      { reason: 'OutOfMemory', step: 'build' },
    ],
    [
      'disk',
      pod(
        'Failed',
        { prepare: ok },
        {
          reason: 'Evicted',
          message: 'Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.',
        },
      ),
      { reason: 'OutOfDisk', step: 'build' },
    ],
    [
      'a step of ours, with a reason',
      pod('Failed', { prepare: ended(1, '{"reason":"BaseImageNotFound","message":"x: no such image"}') }),
      { reason: 'BaseImageNotFound', step: 'prepare', headline: 'x: no such image' },
    ],
    [
      'a step of ours, with what no status shows',
      pod('Failed', {
        prepare: ended(1, JSON.stringify({ reason: 'BuildFailed', message: 'a\0b'.repeat(300) })),
      }),
      { headline: 'ab'.repeat(250), message: 'ab'.repeat(300) },
    ],
    [
      'a step of ours, with nonsense',
      pod('Failed', { prepare: ended(1, 'TypeError: boom\n at x') }),
      { reason: 'BuildFailed', step: 'prepare', headline: 'step prepare failed: TypeError: boom' },
    ],
    [
      'a step of ours that invents a reason',
      pod('Failed', { prepare: ended(1, '{"reason":"Nonsense","message":"x"}') }),
      { reason: 'BuildFailed' },
    ],
    [
      'verify',
      pod('Failed', {
        prepare: ok,
        build: ok,
        verify: ended(1, '{"reason":"RegistryUnreachable","message":"x"}'),
      }),
      { reason: 'RegistryUnreachable', step: 'verify' },
    ],
    [
      'the engine',
      pod('Failed', { prepare: ok, build: ended(1, 'error: something') }),
      { reason: 'BuildFailed', step: 'build' },
    ],
    [
      'without a word',
      pod('Failed'),
      { reason: 'Interrupted', headline: 'the cluster ended the build pod: without a word' },
    ],
  ])('%s', (_name, given, expected) => {
    expect(failure(given)).toMatchObject(expected);
  });

  it('before its first step ran has not used its time up: something was missing', () => {
    const waited = pod(
      'Failed',
      { prepare: waiting('PodInitializing', '') },
      { reason: 'DeadlineExceeded', message: 'too long' },
    );
    expect(failure(waited)).toMatchObject({ reason: 'NotStarted', step: 'prepare' });
  });

  it('because a node came back without knowing of it was interrupted', () => {
    const lost = pod('Failed', { prepare: ok, build: ended(137, '', 'ContainerStatusUnknown') });
    expect(failure(lost)).toMatchObject({ reason: 'Interrupted' });
  });

  it('by a drained node has not failed: the Job makes another', () => {
    const drained = pod(
      'Failed',
      { prepare: ok, build: ended(137) },
      { conditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    );
    expect(progress(drained)).toEqual({ state: 'disrupted' });
  });
});

it('whatever a container says, the words fit a status', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 4096 }),
      fc.constantFrom('prepare', 'build', 'verify'),
      (message, step) => {
        const found = progress(pod('Failed', { prepare: ok, build: ok, [step]: ended(1, message) }));
        if (found.state !== 'failed') throw new Error(found.state);
        const { failure } = found;
        expect(failure.headline.length).toBeLessThanOrEqual(4000);
        expect(failure.message.length).toBeLessThanOrEqual(4096);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(`${failure.headline}${failure.message}`).not.toMatch(/[\x00-\x08\x0e-\x1f\x7f]/);
      },
    ),
  );
});
