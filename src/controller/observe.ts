/**
 * Gathers everything one decision needs: from the caches, from the registry when it is time to ask, and
 * from Events when a build does not start.
 */
import type { ImageSpec } from '../api/image-spec.ts';
import { type BuildContext, buildContextOf, indexContextOf } from '../build/context.ts';
import { accessHash, jobPrefix } from '../build/job.ts';
import type { Inputs } from '../image/inputs.ts';
import { type Problem, partsOf, readSpec, type Target, targetFrom } from '../image/target.ts';
import type { Facts, JobFact, LookDue, Wanted } from '../plan/facts.ts';
import { saysRebuilt } from '../plan/standing.ts';
import type { Settings } from '../settings.ts';
import { askFor } from './asking.ts';
import { resolveInputs } from './inputs.ts';
import { jobFact } from './job-facts.ts';
import { publicationOf } from './publish.ts';
import type { Sources } from './sources.ts';
import { troubleOf } from './trouble.ts';
import { isAttempt, type JobView } from './views.ts';

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
  const anew = whole.asked?.answer.kind === 'present' && !saysRebuilt(object.status, whole.target);
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
  const answered = silent ? {} : await askFor(object, target, { jobs, access }, sources, signal);
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

async function withTrouble(job: JobView, sources: Sources): Promise<JobFact> {
  const fact = jobFact(job, sources.builds.podOf(job), sources.settings.builders);
  const { progress } = fact;
  if (fact.ended !== undefined || progress.state !== 'pending' || progress.words !== undefined) return fact;
  const trouble = await troubleOf(job, sources, progress.step !== undefined);
  return trouble ? { ...fact, trouble } : fact;
}
