/**
 * The status that tells what was decided, and the Events that go with a change of it.
 *
 * It names `resolvedImage` only while an image of the observed content exists.
 */
import { type NewCondition, stamped } from '../api/conditions.ts';
import type { ImageSpec } from '../api/image-spec.ts';
import { say } from '../api/reasons.ts';
import type { BuildStatus, LastFailure, Status } from '../api/status.ts';
import { printReference } from '../image/reference.ts';
import { digestsOf } from '../image/remembered.ts';
import { conditionsOf } from './conditions.ts';
import type { Failed, State } from './decision.ts';
import type { Facts, JobFact, Wanted } from './facts.ts';
import { type Note, notesOf } from './notes.ts';
import { standingOf } from './standing.ts';

/** The whole new status and the Events of this change. */
export function statusOf(facts: Facts, state: State): { status: Status; notes: Note[] } {
  const before = facts.object.status;
  const generation = facts.object.metadata.generation;
  const wanted = 'target' in facts.wanted ? facts.wanted : undefined;
  const { same, ready, rebuilding } = standingOf(facts);
  const image = wanted ? printReference(wanted.target.image) : same ? before?.image : undefined;
  // What is under way or fails while the image is made anew leaves the old one as good as it was.
  const keeps = ready && state.kind !== 'ready' && (rebuilding || KEEPING.has(state.kind));

  const resolvedImage =
    state.kind === 'ready' && wanted
      ? printReference({ ...wanted.target.image, digest: state.digest })
      : keeps
        ? before?.resolvedImage
        : undefined;
  const digest = state.kind === 'ready' ? state.digest : keeps ? before?.digest : undefined;
  const failed = 'failed' in state ? state.failed : undefined;
  const shownJob = ('job' in state ? state.job : undefined) ?? failed?.job;
  const result = shownJob?.progress.state === 'succeeded' ? shownJob.progress.result : undefined;

  const status: Status = clean({
    observedGeneration: generation,
    specHash: wanted?.target.specHash ?? (same ? before?.specHash : undefined),
    image,
    resolvedImage,
    digest,
    checkedBy:
      resolvedImage === undefined
        ? undefined
        : state.kind === 'ready'
          ? (state.by ?? 'Operator')
          : before?.checkedBy,
    source: wanted ? sourceOf(wanted) : before?.source,
    latestReady: latestReady(facts, wanted, resolvedImage),
    base: result?.base ?? (same ? before?.base : undefined),
    build: buildOf(facts, wanted, state, shownJob, same),
    lastFailure: lastFailure(facts, wanted, state, failed, resolvedImage),
    rebuild: rebuildOf(before, wanted, state),
    conditions: stamped(
      conditionsOf(facts, state, { image, keeps, rebuilding }),
      before?.conditions ?? [],
      facts.now,
    ),
  });
  return { status, notes: notesOf(facts, state, status, keeps) };
}

/** States that take nothing from an image that is ready. */
const KEEPING: ReadonlySet<State['kind']> = new Set(['unanswered', 'waiting', 'suspended', 'unchanged']);

/** What the status says while a first look takes long. */
export function progressingStatus(object: ImageSpec, now: Date): Status {
  const observedGeneration = object.metadata.generation;
  const words = { reason: 'Progressing', message: say.progressing(), observedGeneration };
  const conditions: NewCondition[] = [
    { type: 'Ready', status: 'Unknown', ...words },
    { type: 'Reconciling', status: 'True', ...words },
  ];
  return { ...object.status, observedGeneration, conditions: stamped(conditions, [], now) };
}

function sourceOf({ source }: Wanted): Status['source'] {
  if (!source) return undefined;
  return clean({ ...digestsOf(source), question: source.question });
}

function latestReady(
  facts: Facts,
  wanted: Wanted | undefined,
  resolvedImage: string | undefined,
): Status['latestReady'] {
  const before = facts.object.status?.latestReady;
  if (!wanted || resolvedImage === undefined || before?.image === resolvedImage) return before;
  return {
    image: resolvedImage,
    specHash: wanted.target.specHash,
    observedGeneration: facts.object.metadata.generation,
    time: timeOf(facts.now.getTime()),
  };
}

function buildOf(
  facts: Facts,
  wanted: Wanted | undefined,
  state: State,
  job: JobFact | undefined,
  same: boolean,
): BuildStatus | undefined {
  const before = facts.object.status?.build;
  if (!wanted) return same ? before : undefined;
  if (state.kind === 'working' && state.starts !== undefined) {
    return {
      jobName: state.starts.job,
      attempt: state.starts.attempt,
      builder: wanted.target.builder.name,
      startTime: timeOf(facts.now.getTime()),
    };
  }
  if (!job) return same ? before : undefined;
  const told = job.progress.state === 'succeeded' ? job.progress.result?.seconds : undefined;
  const queue = job.started === undefined ? undefined : Math.max(0, (job.started - job.created) / 1000);
  return clean({
    jobName: job.name,
    attempt: job.attempt,
    builder: job.builder,
    startTime: timeOf(job.created),
    completionTime: job.ended === undefined ? undefined : timeOf(job.ended),
    seconds: told || queue !== undefined ? clean({ queue, ...told }) : undefined,
  });
}

function lastFailure(
  facts: Facts,
  wanted: Wanted | undefined,
  state: State,
  failed: Failed | undefined,
  resolvedImage: string | undefined,
): LastFailure | undefined {
  const status = facts.object.status;
  if (wanted && failed) {
    const words = failed.failure.message.trim();
    return {
      specHash: failed.specHash,
      access: wanted.access,
      reason: failed.failure.reason,
      step: failed.failure.step,
      message: (words === '' || words === failed.headline
        ? failed.headline
        : `${failed.headline}\n${words}`
      ).slice(0, 4096),
      time: timeOf(failed.job.ended ?? failed.job.created),
      count: failed.count,
    };
  }
  const before = status?.lastFailure;
  // A newer image answers an old failure; one that failed after it (a rebuild) stays to be read.
  const answered =
    state.kind === 'ready' &&
    before &&
    (resolvedImage !== status?.latestReady?.image || before.time < (status?.latestReady?.time ?? ''));
  return answered ? undefined : before;
}

function rebuildOf(before: Status | undefined, wanted: Wanted | undefined, state: State): number | undefined {
  if (!wanted) return before?.rebuild;
  const asked = wanted.target.spec.rebuild;
  return state.kind === 'ready' ? (asked ?? before?.rebuild ?? 0) : (before?.rebuild ?? asked ?? 0);
}

/** Without the keys whose value is undefined. */
function clean<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } & T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as never;
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
const timeOf = (milliseconds: number) => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
