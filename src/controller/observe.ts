/**
 * Gathers everything one decision needs: from the caches, from the registry when it is time to ask, and
 * from Events when a build does not start.
 */

import type { ImageSpec } from '../api/image-spec.ts';
import { keyOf } from '../api/names.ts';
import type { RegistryAnswer } from '../api/registry-answer.ts';
import { type BuildContext, buildContextOf, indexContextOf } from '../build/context.ts';
import { accessHash, jobPrefix } from '../build/job.ts';
import { hasRegistrySecrets } from '../build/pod.ts';
import type { Inputs } from '../image/inputs.ts';
import type { ImageReference } from '../image/reference.ts';
import { printReference } from '../image/reference.ts';
import { type Problem, partsOf, readSpec, type Target, targetFrom } from '../image/target.ts';
import type { Connection } from '../kube/connection.ts';
import type { Asked, Facts, JobFact, LookDue, Wanted } from '../plan/facts.ts';
import { saysReady } from '../plan/standing.ts';
import type { Settings } from '../settings.ts';
import type { Answers } from './answers.ts';
import type { Builds } from './builds.ts';
import { resolveInputs } from './inputs.ts';
import { jobFact } from './job-facts.ts';
import { lookAt } from './looks.ts';
import { publicationOf } from './publish.ts';
import type { Published } from './published.ts';
import { troubleOf } from './trouble.ts';
import { isAttempt, type JobView } from './views.ts';

/** What observing needs to know of the world. */
export interface Sources {
  readonly connection: Connection;
  readonly registry: {
    digestOf(
      ref: ImageReference,
      options?: { signal?: AbortSignal; platforms?: readonly string[] },
    ): Promise<RegistryAnswer>;
  };
  /** An ImageSpec of the cache. */
  readonly imageSpecOf: (namespace: string, name: string) => ImageSpec | undefined;
  readonly settings: Settings;
  readonly builds: Builds;
  readonly published: Pick<Published, 'of'>;
  readonly answers: Answers;
  readonly now: () => Date;
}

/** @throws KubeError when the API server does not answer; registries' failures are facts */
export async function observe(object: ImageSpec, sources: Sources, signal?: AbortSignal): Promise<Facts> {
  const { settings } = sources;
  const base = { object, now: sources.now(), strays: [] };
  const read = readSpec(object);
  if (!read.ok) return { ...base, wanted: read, strays: straysOf(object, sources, []) };
  const { spec } = read;
  const suspended = spec.suspend === true;
  const [{ found, looks, lookAgainMs, remark, question }, publication] = await Promise.all([
    resolveInputs(object, spec, sources),
    publicationOf(object, spec, sources),
  ]);
  const more = {
    ...base,
    publication,
    looks,
    ...(lookAgainMs === undefined ? {} : { lookAgainMs }),
    ...(remark === undefined ? {} : { remark }),
  };
  // What runs may be just what is wanted.
  if (found.kind === 'waiting') return { ...more, wanted: { waiting: { ...found.waiting, suspended } } };
  const refused = (problems: readonly Problem[]): Facts => ({
    ...more,
    wanted: { problems },
    strays: straysOf(object, sources, []),
  });
  if (found.kind === 'problems') return refused(found.problems);
  const judged = targetFrom(object.metadata.name, spec, settings, found.value);
  if (!judged.ok) return refused(judged.problems);
  const { target } = judged;
  const parts = partsOf(target);
  const contexts = contextsOf(target, parts, settings, found.value, object.metadata.namespace);
  if (!contexts.ok) return refused(contexts.problems);

  const { look, ...whole } = await wantedOf(object, target, sources, signal);
  const { pieces, pieceLooks } = await piecesOf(object, whole, parts, contexts.pieces, sources, signal);
  const source = found.value.source && { ...found.value.source, question };
  return {
    ...more,
    wanted: {
      ...whole,
      context: contexts.whole,
      ...(pieces ? { pieces } : {}),
      ...(source ? { source } : {}),
    },
    looks: [...looks, ...(look ? [look] : []), ...pieceLooks],
    strays: suspended ? [] : straysOf(object, sources, [target, ...parts].map(jobPrefix)),
  };
}

/** Jobs under way that the ImageSpec owns and does not want: builds of other content. */
function straysOf(object: ImageSpec, { builds }: Sources, prefixes: readonly string[]): Facts['strays'] {
  const { namespace, uid } = object.metadata;
  return builds
    .jobsOf(namespace)
    .filter((job) => job.ended === undefined && job.owners.some((owner) => owner.uid === uid))
    .filter((job) => !job.deleting && !prefixes.some((prefix) => isAttempt(job, prefix)))
    .map((job) => ({ name: job.name, uid: job.uid, owners: job.owners.map((owner) => owner.uid) }));
}

type Contexts =
  | {
      readonly ok: true;
      readonly whole: Wanted['context'];
      readonly pieces: readonly BuildContext[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** What the pods of a target are told: one build, or one for each platform and what puts them together. */
function contextsOf(
  target: Target,
  parts: readonly Target[],
  settings: Settings,
  inputs: Inputs,
  namespace: string,
): Contexts {
  if (target.builder.engine === 'Noop') return { ok: true, whole: undefined, pieces: [] };
  const made: BuildContext[] = [];
  for (const part of parts.length > 0 ? parts : [target]) {
    const context = buildContextOf(part, settings, inputs, namespace);
    if (!context.ok) return context;
    made.push(context.context);
  }
  if (parts.length === 0) return { ok: true, whole: made[0], pieces: [] };
  return { ok: true, whole: indexContextOf(target, parts, settings), pieces: made };
}

type WantedSoFar = Omit<Wanted, 'context' | 'source'> & { readonly look?: LookDue };

/** Looks at the platforms one by one, when the whole is to be put together. */
async function piecesOf(
  object: ImageSpec,
  whole: WantedSoFar,
  parts: readonly Target[],
  contexts: readonly BuildContext[],
  sources: Sources,
  signal?: AbortSignal,
): Promise<{ readonly pieces?: readonly Wanted[]; readonly pieceLooks: readonly LookDue[] }> {
  const anew = whole.asked?.answer.kind === 'present' && !rebuildKnown(object, whole.target);
  if (parts.length === 0 || !(anew || whole.asked?.answer.kind === 'absent')) return { pieceLooks: [] };
  const seen = await Promise.all(parts.map((part) => wantedOf(object, part, sources, signal)));
  return {
    pieces: seen.map(({ look, ...piece }, index) => ({ ...piece, context: contexts[index] })),
    pieceLooks: seen.flatMap(({ look }) => look ?? []),
  };
}

async function wantedOf(
  object: ImageSpec,
  target: Target,
  sources: Sources,
  signal?: AbortSignal,
): Promise<WantedSoFar> {
  const { settings, builds } = sources;
  const prefix = jobPrefix(target);
  const found = builds
    .jobsOf(object.metadata.namespace)
    .filter((job) => isAttempt(job, prefix))
    .sort((a, b) => a.attempt - b.attempt);
  const jobs = await Promise.all(found.map((job) => withTrouble(job, sources)));
  const access = accessHash(target, settings);
  const silent = target.spec.suspend === true || jobs.some((job) => job.ended === undefined);
  const answered = silent ? {} : await ask(object, target, { jobs, access }, sources, signal);
  return {
    target,
    access,
    jobs,
    asked: undefined,
    ...answered,
    slotFree: builds.slotFree,
    slots: settings.concurrency.builds,
    retries: target.spec.build?.retries ?? settings.defaults.retries,
  };
}

type Answered = Pick<Wanted, 'restMs' | 'looking'> & { readonly asked?: Asked; readonly look?: LookDue };

/** Asks the registry, or remembers; nothing where the status already says what a good answer said. */
async function ask(
  object: ImageSpec,
  target: Target,
  built: Pick<Wanted, 'jobs' | 'access'>,
  sources: Sources,
  signal?: AbortSignal,
): Promise<Answered> {
  const { metadata, status } = object;
  const image = printReference(target.image);
  // Of several platforms each is a question of its own.
  const [platform, more] = target.effective.platforms;
  const part = more === undefined && target.spec.platforms.length > 1 ? `#${platform}` : '';
  const question = { key: keyOf(metadata) + part, image, version: `${metadata.uid}/${metadata.generation}` };
  // After a build nothing is as it was.
  const queued = !sources.builds.slotFree && !built.jobs.some((job) => job.progress.state === 'succeeded');
  const known = sources.answers.recall(question, queued);
  if (known && known.asked.answer.kind !== 'present') return known;
  if (known && saysReady(status, target) && rebuildKnown(object, target)) return { restMs: known.restMs };
  const answer = await sources.registry.digestOf(target.image, {
    platforms: target.effective.platforms,
    ...(signal ? { signal } : {}),
  });
  if (answer.kind !== 'denied' || !hasRegistrySecrets(target.spec, sources.settings)) {
    return { asked: sources.answers.remember(question, answer) };
  }
  const told = await askByJob(object, target, built, sources);
  if (told.asked?.answer.kind !== 'present') return told;
  return { asked: sources.answers.remember(question, told.asked.answer, 'Job') };
}

/** What pods with the tenant's Secrets say of an image that the operator may not see: the newest word counts. */
async function askByJob(
  object: ImageSpec,
  target: Target,
  { jobs, access }: Pick<Wanted, 'jobs' | 'access'>,
  sources: Sources,
): Promise<Answered> {
  const name = printReference(target.image);
  const question = { image: { name, platforms: [...target.effective.platforms] } };
  const { looked, due, words } = await lookAt(question, object, target.spec, sources, Infinity);
  const { latest } = looked;
  const now = sources.now().getTime();
  const made = jobs.findLast((job) => job.progress.state === 'succeeded' && job.access === access);
  const result = made?.progress.state === 'succeeded' ? made.progress.result : undefined;
  const madeAgo = now - (made?.ended ?? 0);
  if (result && madeAgo < Math.min(BUILT_STANDS_MS, latest?.ageMs ?? Infinity)) {
    const answer = { kind: 'present', digest: result.digest } as const;
    return { asked: { answer, times: 1, ageMs: madeAgo, by: 'Job' } };
  }
  if (latest && looked.dueInMs > 0 && !looked.running) {
    const { result: told, times, ageMs } = latest;
    const answer: RegistryAnswer =
      'image' in told
        ? told.image
        : { kind: 'unavailable', message: 'unreadable' in told ? told.unreadable.message : 'no answer' };
    return { asked: { answer, times, ageMs, by: 'Job' }, restMs: looked.dueInMs };
  }
  return { looking: words === undefined ? {} : { words }, ...(due ? { look: due } : {}) };
}

/** The last step of a build saw the image: no look is needed for so long. */
const BUILT_STANDS_MS = 60 * 60_000;

function rebuildKnown(object: ImageSpec, target: Target): boolean {
  return target.spec.rebuild === undefined || object.status?.rebuild === target.spec.rebuild;
}

async function withTrouble(job: JobView, sources: Sources): Promise<JobFact> {
  const fact = jobFact(job, sources.builds.podOf(job), sources.settings.builders);
  const { progress } = fact;
  if (fact.ended !== undefined || progress.state !== 'pending' || progress.words !== undefined) return fact;
  const trouble = await troubleOf(job, sources, progress.step !== undefined);
  return trouble ? { ...fact, trouble } : fact;
}
