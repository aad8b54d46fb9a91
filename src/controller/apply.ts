/**
 * Carries out what was decided. Every action may be carried out again: names are fixed, uids say which
 * object is meant, and "already so" is success.
 */
import type { V1Job } from '../api/kubernetes.ts';
import { ANNOTATIONS, LABELS } from '../api/names.ts';
import type { BuildContext, IndexContext } from '../build/context.ts';
import { buildJob, jobPrefix, type Owner, ownerReference } from '../build/job.ts';
import { lookJob } from '../build/look.ts';
import type { Connection } from '../kube/connection.ts';
import { refusedWords } from '../kube/errors.ts';
import { addOwner, createJob, deleteJob, listJobs, readJob, removeOwner } from '../kube/jobs.ts';
import type { Log } from '../log.ts';
import type { Action } from '../plan/decision.ts';
import type { Facts, LookDue, Wanted } from '../plan/facts.ts';
import type { Settings } from '../settings.ts';
import type { Builds } from './builds.ts';
import { type PublishApplied, publish } from './publish.ts';
import { isAttempt, jobView } from './views.ts';

export interface Hands {
  readonly connection: Connection;
  readonly builds: Builds;
  readonly settings: Settings;
  /** Image of the steps prepare and verify. */
  readonly stepImage: string;
  readonly log: Log;
}

/** What became of the actions. */
export type Applied =
  | PublishApplied
  /** The facts were not all: Jobs exist that nobody had seen. Decide again. */
  | { readonly kind: 'stale' }
  /** Another build took the last place. */
  | { readonly kind: 'no-slot' }
  /** The API server refused the Job, in its own words. */
  | { readonly kind: 'refused'; readonly words: string };

/** @throws KubeError when the API server fails; what was done before stays done */
export async function apply(actions: readonly Action[], facts: Facts, hands: Hands): Promise<Applied> {
  for (const action of actions) {
    const applied = await carryOut(action, facts, hands);
    if (applied.kind !== 'done') return applied;
  }
  return { kind: 'done' };
}

async function carryOut(action: Action, facts: Facts, hands: Hands): Promise<Applied> {
  const { namespace, name, uid } = facts.object.metadata;
  const owner: Owner = { namespace, name, uid };
  switch (action.kind) {
    case 'create-job': {
      const wanted = 'target' in facts.wanted ? facts.wanted : undefined;
      const meant = action.piece === undefined ? wanted : wanted?.pieces?.[action.piece];
      if (meant?.context === undefined) return { kind: 'done' };
      const { context } = meant;
      // Who wants the same image may remember another attempt at it: the next sees what the one before made.
      const image = `${namespace}/${jobPrefix(meant.target)}`;
      return await hands.builds.inTurn(image, () => start(action, meant, context, owner, hands));
    }
    case 'create-look':
      return await look(action.look, owner, hands);
    case 'join-job': {
      const job = { namespace, name: action.job, uid: action.uid };
      const change = await addOwner(hands.connection, job, ownerReference(owner));
      return { kind: change === 'gone' ? 'stale' : 'done' };
    }
    case 'leave-job':
    case 'delete-job':
      return await giveUp(action, owner, hands);
    case 'create-config-map':
    case 'change-config-map':
    case 'delete-config-map':
      return await publish(action, namespace, hands);
  }
}

/** Only as the Job was seen: meanwhile another ImageSpec may have joined it, or left it to us alone. */
async function giveUp(
  action: Extract<Action, { kind: 'leave-job' | 'delete-job' }>,
  { namespace, uid }: Owner,
  { connection, builds, log }: Hands,
): Promise<Applied> {
  const job = { namespace, name: action.job, uid: action.uid };
  const seen = builds.jobsOf(namespace).find((view) => view.uid === job.uid);
  if (!seen) return { kind: 'stale' };
  const change =
    action.kind === 'leave-job'
      ? await removeOwner(connection, job, uid, seen.resourceVersion)
      : await deleteJob(connection, job, seen.resourceVersion);
  if (change === 'changed') {
    const now = await readJob(connection, namespace, job.name);
    if (now) builds.learned(jobView(now));
    return { kind: 'stale' };
  }
  if (action.kind === 'delete-job') log.info({ job: job.name }, 'Deleted Job nobody wants any more');
  return { kind: 'done' };
}

async function start(
  { attempt, fresh }: { readonly attempt: number; readonly fresh?: true },
  wanted: Wanted,
  told: BuildContext | IndexContext,
  owner: Owner,
  hands: Hands,
): Promise<Applied> {
  const { connection, builds, settings } = hands;
  const context = { ...told, ...(fresh ? { fresh } : {}) };
  const job = buildJob(wanted.target, context, settings, owner, attempt, hands.stepImage);
  const prefix = jobPrefix(wanted.target);
  const name = `${prefix}-${attempt}`;
  if (!builds.take(owner.namespace, name)) return { kind: 'no-slot' };
  try {
    // A cache may lag behind the server, most of all after a restart: only the server knows what runs.
    const selector = `${LABELS.specHash}=${wanted.target.specHash.slice(0, 63)}`;
    const known = new Set(wanted.jobs.map((fact) => fact.uid));
    const found = (await listJobs(connection, owner.namespace, selector)).map(jobView);
    const unseen = found.filter((view) => isAttempt(view, prefix) && !known.has(view.uid));
    for (const view of unseen) builds.learned(view);
    if (unseen.length > 0) return { kind: 'stale' };
    const result = await createJob(connection, job).catch(refusal);
    if ('words' in result) return result;
    if (!result.created) return learnExisting(result.job, wanted, hands);
    builds.learned(jobView(result.job));
    hands.log.info({ job: name, attempt }, 'Created Job');
    return { kind: 'done' };
  } finally {
    builds.started(owner.namespace, name);
  }
}

/** Nothing is locked by a look: one that exists already is the one that was meant. */
async function look({ question, spec, attempt }: LookDue, owner: Owner, hands: Hands): Promise<Applied> {
  const { connection, builds, settings, log, stepImage } = hands;
  const made = await createJob(
    connection,
    lookJob(question, spec, settings, owner, attempt, stepImage),
  ).catch(refusal);
  if ('words' in made) return made;
  builds.learned(jobView(made.job));
  if (made.created) log.info({ job: made.job.metadata?.name }, 'Created look Job');
  return { kind: 'done' };
}

/** Told, not tried again and again. Anything else is thrown. */
const refusal = (error: unknown) => ({ kind: 'refused', words: refusedWords(error) }) as const;

/** Somebody made the Job between our look and our wish: it is good if it is what its name says. */
function learnExisting(job: V1Job, wanted: Wanted, hands: Hands): Applied {
  const view = jobView(job);
  if (view.specHash !== wanted.target.specHash) {
    throw new Error(
      `Job ${view.name} exists without ${ANNOTATIONS.specHash}=${wanted.target.specHash}; it was not made by this operator`,
    );
  }
  hands.builds.learned(view);
  return { kind: 'stale' };
}
