/**
 * How far a pod of ours is, and how it ended: a pure reading of its status.
 *
 * Everything a pod says is untrusted: messages are cut, JSON is parsed by schema, and a digest counts only
 * once the registry confirms it.
 */
import type { z } from 'zod';
import { type BuildResult, readTermination, stepFailureSchema } from '../api/build-result.ts';
import type { V1ContainerStatus, V1Pod } from '../api/kubernetes.ts';
import type { FailureReason } from '../api/reasons.ts';
import type { Explained } from './engine.ts';
import { lastLines } from './explain.ts';

export type Step = 'prepare' | 'build' | 'verify' | 'index' | 'look';
/** In the order in which they run; a pod has the first three, or one of the others alone. */
const STEPS: readonly Step[] = ['prepare', 'build', 'verify', 'index', 'look'];

export interface Failure {
  readonly step: Step;
  readonly reason: FailureReason;
  /** One line for the condition. */
  readonly headline: string;
  /** The step's last lines, at most 4 KiB. */
  readonly message: string;
  /** What it is about, such as a package's name. */
  readonly subject?: string;
}

export type Progress<Result = BuildResult> =
  /** Waiting for `step` to start, the first one where none is named; `words` are the cluster's own where it gave any. */
  | { readonly state: 'pending'; readonly step?: Step; readonly words?: string }
  | { readonly state: 'running'; readonly step: Step }
  | { readonly state: 'succeeded'; readonly result: Result | undefined }
  | { readonly state: 'failed'; readonly failure: Failure }
  /** Ended by the cluster, not by the build: the Job makes another pod. */
  | { readonly state: 'disrupted' };

/** Waiting reasons of a container that do not pass without somebody's help. */
const STUCK =
  /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|CreateContainerConfigError|CreateContainerError|RunContainerError)$/;

/**
 * @param explain the engine's own reading of its log
 * @param result what the last step says when all went well
 */
export function progressOf<Result>(
  pod: Pick<V1Pod, 'status'>,
  explain: (log: string) => Explained,
  result: z.ZodType<Result>,
): Progress<Result> {
  const phase = pod.status?.phase;
  const last = STEPS.findLast((step) => pod.status?.containerStatuses?.some(({ name }) => name === step));
  const end = last && stateOf(pod, last)?.state?.terminated;
  // The last step's end is the pod's; its phase follows a second or two later.
  if (phase === 'Succeeded' || end?.exitCode === 0) {
    return { state: 'succeeded', result: readTermination(result, end?.message) };
  }
  if (phase === 'Failed') {
    const disrupted = pod.status?.conditions?.some(
      (entry) => entry.type === 'DisruptionTarget' && entry.status === 'True',
    );
    return disrupted ? { state: 'disrupted' } : { state: 'failed', failure: failureOf(pod, explain) };
  }
  const unscheduled = pod.status?.conditions?.find(
    (entry) => entry.type === 'PodScheduled' && entry.status === 'False',
  );
  if (unscheduled) return { state: 'pending', words: words(unscheduled.message ?? unscheduled.reason) };
  for (const step of STEPS) {
    const state = stateOf(pod, step)?.state;
    if (state?.waiting && STUCK.test(state.waiting.reason ?? '')) {
      return {
        state: 'pending',
        words: words(`step ${step}: ${state.waiting.reason}: ${state.waiting.message ?? ''}`),
      };
    }
    if (state?.running) return { state: 'running', step };
  }
  const done = STEPS.filter((step) => stateOf(pod, step)?.state?.terminated);
  const next = STEPS[done.length];
  // Only a build has further steps.
  return done.length > 0 && next ? { state: 'pending', step: next } : { state: 'pending' };
}

function failureOf(pod: Pick<V1Pod, 'status'>, explain: (log: string) => Explained): Failure {
  const status = pod.status;
  const step = STEPS.find((name) => {
    const ended = stateOf(pod, name)?.state?.terminated;
    return ended !== undefined && ended.exitCode !== 0;
  });
  const ended = step === undefined ? undefined : stateOf(pod, step)?.state?.terminated;
  const running =
    STEPS.find((name) => stateOf(pod, name) && !stateOf(pod, name)?.state?.terminated) ?? 'build';
  const text = words(status?.message ?? status?.reason);

  if (status?.reason === 'DeadlineExceeded' && !hasBegun(pod)) {
    const headline = 'the build could not begin before its time was over';
    return { step: 'prepare', reason: 'NotStarted', headline, message: text };
  }
  if (status?.reason === 'DeadlineExceeded') {
    return {
      step: step ?? running,
      reason: 'DeadlineExceeded',
      headline: 'the build took longer than it may',
      message: text,
    };
  }
  if (status?.reason === 'Evicted') {
    const disk = /ephemeral|storage|disk|inode/i.test(text);
    return {
      step: step ?? running,
      reason: disk ? 'OutOfDisk' : 'OutOfMemory',
      headline: `the build was evicted: ${text}`,
      message: text,
    };
  }
  if (step === undefined || ended === undefined || ended.reason === 'ContainerStatusUnknown') {
    const headline = `the cluster ended the build pod: ${text || ended?.reason || 'without a word'}`;
    return { step: running, reason: 'Interrupted', headline, message: text };
  }
  if (ended.reason === 'OOMKilled' || ended.exitCode === 137) {
    return {
      step,
      reason: 'OutOfMemory',
      headline: `step ${step} used more memory than it may`,
      message: words(ended.message),
    };
  }
  const log = (ended.message ?? '').slice(-4096);
  const told = readTermination(stepFailureSchema, ended.message);
  if (told)
    return { step, reason: told.reason, headline: firstLine(told.message), message: words(told.message) };
  if (step !== 'build') {
    return {
      step,
      reason: 'BuildFailed',
      headline: `step ${step} failed: ${firstLine(log) || `exit code ${ended.exitCode}`}`,
      message: words(log),
    };
  }
  const explained = explain(log);
  return { step, ...explained, headline: words(explained.headline), message: words(lastLines(log)) };
}

/** True once the first step ran. */
function hasBegun(pod: Pick<V1Pod, 'status'>): boolean {
  return STEPS.some((step) => {
    const state = stateOf(pod, step)?.state;
    return (state?.running ?? state?.terminated)?.startedAt !== undefined;
  });
}

function stateOf(pod: Pick<V1Pod, 'status'>, step: Step): V1ContainerStatus | undefined {
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  return all.find((status) => status.name === step);
}

const firstLine = (text: string) => words(text.trim().split('\n')[0]).slice(0, 500);

/** Text fit for a status: without control characters, at most 4000 characters. */
function words(text: string | undefined): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return (text ?? '').replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '').slice(0, 4000);
}
