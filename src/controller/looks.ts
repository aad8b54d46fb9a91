/** Look Jobs as a pass sees them: what they said, and which one is to begin. */
import type { ImageSpec, Spec } from '../api/image-spec.ts';
import { type LookQuestion, lookPrefix } from '../build/look.ts';
import type { LookDue } from '../plan/facts.ts';
import { type Looked, readLooks } from '../plan/looks.ts';
import { lookFact } from './job-facts.ts';
import type { Sources } from './sources.ts';
import { troubleOf } from './trouble.ts';

export interface LookedAt {
  /** What all looks at this question have in common: by it the status knows the question again. */
  readonly prefix: string;
  readonly looked: Looked;
  /** Set when a look is to begin now and there is room for it. */
  readonly due?: LookDue;
  /** The cluster's own words about a look that does not start. */
  readonly words?: string;
}

/** @param pollMs how long a good answer about a source stands */
export async function lookAt(
  question: LookQuestion,
  object: ImageSpec,
  spec: Spec,
  sources: Sources,
  pollMs: number,
): Promise<LookedAt> {
  const { builds, settings } = sources;
  const { namespace } = object.metadata;
  const prefix = lookPrefix(question, spec, settings, object.metadata);
  const views = builds.looksOf(namespace, prefix);
  const facts = views.map((view) => lookFact(view, builds.podOf(view)));
  const looked = readLooks(facts, sources.now().getTime(), pollMs);
  const due =
    looked.dueInMs === 0 && spec.suspend !== true && builds.lookFree
      ? { question, spec, attempt: looked.attempt }
      : undefined;
  const running = views.find(({ name }) => name === looked.running?.name);
  const progress = looked.running?.progress;
  const words =
    running && progress?.state === 'pending'
      ? (progress.words ?? (await troubleOf(running, sources, false))?.message)
      : undefined;
  return { prefix, looked, ...(due ? { due } : {}), ...(words === undefined ? {} : { words }) };
}
