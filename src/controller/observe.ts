/**
 * Gathers everything one decision needs: from the caches, from the registry when it is time to ask, and
 * from Events when a build does not start.
 */

import { conditionOf } from '../api/conditions.ts';
import type { ImageSpec } from '../api/image-spec.ts';
import { keyOf } from '../api/names.ts';
import type { RegistryAnswer } from '../api/registry-answer.ts';
import { buildContextOf } from '../build/context.ts';
import { accessHash, jobPrefix } from '../build/job.ts';
import type { ImageReference } from '../image/reference.ts';
import { printReference } from '../image/reference.ts';
import { type Problem, type Target, targetOf } from '../image/target.ts';
import type { Connection } from '../kube/connection.ts';
import { warningsOf } from '../kube/warnings.ts';
import type { Facts, JobFact, Trouble, Wanted } from '../plan/facts.ts';
import type { Settings } from '../settings.ts';
import type { Answers } from './answers.ts';
import type { Builds } from './builds.ts';
import type { JobView } from './views.ts';

/** What observing needs to know of the world. */
export interface Sources {
  readonly connection: Connection;
  readonly registry: {
    digestOf(
      ref: ImageReference,
      options?: { signal?: AbortSignal; platforms?: readonly string[] },
    ): Promise<RegistryAnswer>;
  };
  readonly settings: Settings;
  readonly builds: Builds;
  readonly answers: Answers;
  readonly now: () => Date;
}

/** Warnings that keep a pod from starting; others, such as MissingClusterDNS, are remarks. */
const BLOCKING = /^(Failed|BackOff|NetworkNotReady|InspectFailed)/;
/** What still keeps a later step from starting when an earlier one has run; the rest was overcome. */
const BLOCKING_LATER = /^(Failed|BackOff|InspectFailed)$/;
/** The kubelet says it twice: in a sentence, and in one word that names no image. */
const ONE_WORD = /^Error: [A-Za-z]+$/;

/** A build that has not begun after this long is asked why. */
const WHY_AFTER_MS = 2000;

/** @throws KubeError when the API server does not answer; registries' failures are facts */
export async function observe(object: ImageSpec, sources: Sources, signal?: AbortSignal): Promise<Facts> {
  const { settings, builds } = sources;
  const { namespace, uid } = object.metadata;
  const judged = targetOf(object, settings);
  const mine = builds
    .jobsOf(namespace)
    .filter((job) => job.ended === undefined && job.owners.some((owner) => owner.uid === uid));
  const strayFacts = (prefix: string | undefined) =>
    mine
      .filter((job) => !job.deleting && (prefix === undefined || !isAttempt(job, prefix)))
      .map((job) => ({ name: job.name, uid: job.uid, owners: job.owners.map((owner) => owner.uid) }));

  const refused = (problems: readonly Problem[]): Facts => ({
    object,
    wanted: { problems },
    strays: strayFacts(undefined),
    now: sources.now(),
  });
  if (!judged.ok) return refused(judged.problems);
  const { target } = judged;
  const context = buildContextOf(target, settings, {}, namespace);
  if (!context.ok) return refused(context.problems);
  const prefix = jobPrefix(target);
  const found = builds
    .jobsOf(namespace)
    .filter((job) => isAttempt(job, prefix))
    .sort((a, b) => a.attempt - b.attempt);
  const jobs = await Promise.all(found.map((job) => withTrouble(job, sources)));
  const suspended = target.spec.suspend === true;
  const busy = jobs.some((job) => job.ended === undefined);
  const answered = suspended || busy ? {} : await ask(object, target, sources, signal);
  return {
    object,
    wanted: {
      target,
      context: context.context,
      access: accessHash(target, settings),
      jobs,
      asked: undefined,
      ...answered,
      slotFree: builds.slotFree,
      slots: settings.concurrency.builds,
      retries: target.spec.build?.retries ?? settings.defaults.retries,
    },
    strays: suspended ? [] : strayFacts(prefix),
    now: sources.now(),
  };
}

/** True for `<prefix>-<number>`. */
const isAttempt = (job: JobView, prefix: string) => job.name === `${prefix}-${job.attempt}`;

/** Asks the registry, or remembers; nothing where the status already says what a good answer said. */
async function ask(
  object: ImageSpec,
  target: Target,
  sources: Sources,
  signal?: AbortSignal,
): Promise<Pick<Wanted, 'asked' | 'restMs'>> {
  const { metadata, status } = object;
  const image = printReference(target.image);
  const question = { key: keyOf(metadata), image, version: `${metadata.uid}/${metadata.generation}` };
  const known = sources.answers.recall(question, !sources.builds.slotFree);
  if (known && known.asked.answer.kind !== 'present') return known;
  const ready = status?.image === image && conditionOf(status.conditions, 'Ready')?.status === 'True';
  if (known && ready && rebuildKnown(object, target)) return { asked: undefined, restMs: known.restMs };
  const answer = await sources.registry.digestOf(target.image, {
    platforms: target.effective.platforms,
    ...(signal ? { signal } : {}),
  });
  return { asked: sources.answers.remember(question, answer) };
}

function rebuildKnown(object: ImageSpec, target: Target): boolean {
  return target.spec.rebuild === undefined || object.status?.rebuild === target.spec.rebuild;
}

async function withTrouble(job: JobView, sources: Sources): Promise<JobFact> {
  const fact = sources.builds.factOf(job);
  const silent =
    fact.ended === undefined && fact.progress.state === 'pending' && fact.progress.words === undefined;
  if (!silent || sources.now().getTime() - job.created < WHY_AFTER_MS) return fact;
  const later = fact.progress.state === 'pending' && fact.progress.step !== undefined;
  const blocking = later ? BLOCKING_LATER : BLOCKING;
  const pod = sources.builds.podOf(job);
  const about = pod
    ? { kind: 'Pod', name: pod.name, uid: pod.uid }
    : { kind: 'Job', name: job.name, uid: job.uid };
  // Words are good to have, and no reason to fail.
  const warnings = await warningsOf(sources.connection, { namespace: job.namespace, ...about }).catch(
    () => [],
  );
  const latest = warnings
    .filter(({ reason, message }) => blocking.test(reason) && !ONE_WORD.test(message))
    .toSorted((a, b) => b.time.getTime() - a.time.getTime())[0];
  // Every try of the Job controller has another pod's name, and would be another message.
  const trouble: Trouble | undefined = latest && {
    reason: latest.reason,
    message: latest.message.replace(/pods? "[^"]*"/, 'the pod'),
  };
  return trouble ? { ...fact, trouble } : fact;
}
