/** Why a pod of ours does not start, in the cluster's own words: Events, which nobody watches. */
import { warningsOf } from '../kube/warnings.ts';
import type { Trouble } from '../plan/facts.ts';
import type { Sources } from './sources.ts';
import type { JobView } from './views.ts';

/** Warnings that keep a pod from starting; others, such as MissingClusterDNS, are remarks. */
const BLOCKING = /^(Failed|BackOff|NetworkNotReady|InspectFailed)/;
/** What still keeps a later step from starting when an earlier one has run; the rest was overcome. */
const BLOCKING_LATER = /^(Failed|BackOff|InspectFailed)$/;
/** The kubelet says it twice: in a sentence, and in one word that names no image. */
const ONE_WORD = /^Error: [A-Za-z]+$/;

/** A Job that has not begun after this long is asked why. */
const WHY_AFTER_MS = 2000;

/** @param later an earlier step of the pod has run already */
export async function troubleOf(
  job: JobView,
  { builds, connection, now }: Pick<Sources, 'builds' | 'connection' | 'now'>,
  later: boolean,
): Promise<Trouble | undefined> {
  if (now().getTime() - job.created < WHY_AFTER_MS) return undefined;
  const blocking = later ? BLOCKING_LATER : BLOCKING;
  const pod = builds.podOf(job);
  const about = pod
    ? { kind: 'Pod', name: pod.name, uid: pod.uid }
    : { kind: 'Job', name: job.name, uid: job.uid };
  // Words are good to have, and no reason to fail.
  const warnings = await warningsOf(connection, { namespace: job.namespace, ...about }).catch(() => []);
  const latest = warnings
    .filter(({ reason, message }) => blocking.test(reason) && !ONE_WORD.test(message))
    .toSorted((a, b) => b.time.getTime() - a.time.getTime())[0];
  // Every try of the Job controller has another pod's name, and would be another message.
  return (
    latest && {
      reason: latest.reason,
      message: latest.message.replace(/pods? "[^"]*"/, 'the pod'),
    }
  );
}
