/** What a Job and its pod say, as decisions need it. Its pod's end is a Job's end. */
import type { z } from 'zod';
import { buildResultSchema, lookResultSchema } from '../api/build-result.ts';
import type { Explained } from '../build/engine.ts';
import { ENGINES, type EngineName } from '../build/engines.ts';
import { type Progress, progressOf } from '../build/outcome.ts';
import type { JobFact, LookFact } from '../plan/facts.ts';
import type { Settings } from '../settings.ts';
import { type JobView, type PodView, timeOf } from './views.ts';

/** @param pod the newest one of the Job */
export function jobFact(job: JobView, pod: PodView | undefined, builders: Settings['builders']): JobFact {
  const progress = progressIn(job, pod, buildResultSchema, explainerOf(job.builder, builders));
  const ended = endedAt(job, pod, progress);
  const started = startOf(pod);
  return {
    name: job.name,
    uid: job.uid,
    attempt: job.attempt,
    access: job.access,
    builder: job.builder,
    owners: job.owners.map((owner) => owner.uid),
    deleting: job.deleting,
    created: job.created,
    ...(ended === undefined ? {} : { ended }),
    ...(started === undefined ? {} : { started }),
    progress,
  };
}

/** @param pod the newest one of the Job */
export function lookFact(job: JobView, pod: PodView | undefined): LookFact {
  const progress = progressIn(job, pod, lookResultSchema, ENGINES.BuildKit.explain);
  const ended = endedAt(job, pod, progress);
  const { name, attempt, deleting, created } = job;
  return { name, attempt, deleting, created, progress, ...(ended === undefined ? {} : { ended }) };
}

function progressIn<Result>(
  job: JobView,
  pod: PodView | undefined,
  result: z.ZodType<Result>,
  explain: (log: string) => Explained,
): Progress<Result> {
  if (!pod && job.ended === undefined) return { state: 'pending' };
  // What the pod said went with it.
  if (!pod) return job.completed ? { state: 'succeeded', result: undefined } : { state: 'disrupted' };
  const progress = progressOf(pod, explain, result);
  return progress.state === 'failed' && wasDeleted(pod) ? { state: 'disrupted' } : progress;
}

/** The engine's own reading of its log; that of a builder which is gone from the settings is read as BuildKit's. */
function explainerOf(builder: string, builders: Settings['builders']): (log: string) => Explained {
  const engine = builders.find(({ name }) => name === builder)?.engine ?? 'BuildKit';
  return (ENGINES[engine as EngineName] ?? ENGINES.BuildKit).explain;
}

function endedAt(job: JobView, pod: PodView | undefined, progress: Progress<unknown>): number | undefined {
  const over = progress.state === 'succeeded' || progress.state === 'failed';
  if (!over && (job.ended === undefined || isUnderWay(pod))) return undefined;
  return endOf(pod) ?? job.ended ?? job.created;
}

function isUnderWay(pod: PodView | undefined): boolean {
  return pod?.status?.phase === 'Pending' || pod?.status?.phase === 'Running';
}

/** Somebody ended it: how its steps then failed says nothing about the build. */
function wasDeleted(pod: PodView): boolean {
  return pod.deleted !== undefined && pod.deleted <= (endOf(pod) ?? 0);
}

function endOf(pod: PodView | undefined): number | undefined {
  const ends = statuses(pod).map((status) => timeOf(status.state?.terminated?.finishedAt) ?? 0);
  const last = Math.max(0, ...ends);
  return last === 0 ? undefined : last;
}

function startOf(pod: PodView | undefined): number | undefined {
  // The first step of ours, not a helper that some webhook put in front.
  const first = statuses(pod).find(({ name }) => name === 'prepare' || name === 'index')?.state;
  return timeOf(first?.running?.startedAt ?? first?.terminated?.startedAt);
}

function statuses(pod: PodView | undefined) {
  return [...(pod?.status?.initContainerStatuses ?? []), ...(pod?.status?.containerStatuses ?? [])];
}
