/**
 * Whether an image exists: from memory, by the operator's own question, or by a pod with the tenant's Secrets where the
 * operator is refused.
 */
import type { ImageSpec } from '../api/image-spec.ts';
import { keyOf } from '../api/names.ts';
import type { RegistryAnswer } from '../api/registry-answer.ts';
import { hasRegistrySecrets } from '../build/pod.ts';
import { printReference } from '../image/reference.ts';
import type { Target } from '../image/target.ts';
import type { Asked, LookDue, Wanted } from '../plan/facts.ts';
import { HOUR } from '../plan/pauses.ts';
import { saysReady, saysRebuilt } from '../plan/standing.ts';
import { lookAt } from './looks.ts';
import type { Sources } from './sources.ts';

export type Answered = Pick<Wanted, 'restMs' | 'looking'> & {
  readonly asked?: Asked;
  readonly look?: LookDue;
};

/** Asks the registry, or remembers; nothing where the status already says what a good answer said. */
export async function askFor(
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
  if (known && saysReady(status, target) && saysRebuilt(status, target)) return { restMs: known.restMs };
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
const BUILT_STANDS_MS = HOUR;
