/**
 * What a spec refers to and does not hold itself: its base ImageSpec and its source, by what they are now.
 *
 * The base comes from the cache, a ConfigMap from the API server; git and registries are asked by look Jobs only. What
 * was known of a source stands until something newer is known: a git server that is away makes no image unready.
 */
import type { LookResult } from '../api/build-result.ts';
import { conditionOf } from '../api/conditions.ts';
import type { ImageSpec, Spec } from '../api/image-spec.ts';
import { say } from '../api/reasons.ts';
import { type LookQuestion, sourceQuestion } from '../build/look.ts';
import type { Problem } from '../image/effective.ts';
import {
  type BaseSpec,
  type Inputs,
  type ResolvedBase,
  type ResolvedSource,
  type Selection,
  selectionOf,
} from '../image/inputs.ts';
import { rememberedSource } from '../image/remembered.ts';
import { resolveFiles } from '../image/selection.ts';
import { readSpec } from '../image/target.ts';
import { readConfigMap } from '../kube/config-maps.ts';
import type { LookDue, Waiting } from '../plan/facts.ts';
import { MINUTE, SECOND } from '../plan/pauses.ts';
import { lookAt } from './looks.ts';
import type { Sources } from './sources.ts';

/** How soon the ConfigMap of a source is looked at again; nobody watches it. */
const CONFIG_MAP_AGAIN_MS = MINUTE;
const MISSING_AGAIN_MS = 10 * SECOND;

/** What was found, or what keeps it from being found. */
export type Found<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  | { readonly kind: 'waiting'; readonly waiting: Omit<Waiting, 'suspended'> };

export interface Resolved {
  readonly found: Found<Inputs>;
  readonly lookAgainMs?: number;
  readonly looks: readonly LookDue[];
  /** What was wrong with the latest look, where an earlier one still counts. */
  readonly remark?: string;
  /** By which a look at this source is known again; kept in the status. */
  readonly question?: string;
}

/** @throws KubeError when the API server does not answer */
export async function resolveInputs(object: ImageSpec, spec: Spec, sources: Sources): Promise<Resolved> {
  const base = baseOf(object, spec, sources.imageSpecOf);
  const { found: source, ...more } = await sourceOfSpec(object, spec, sources);
  const stuck = [base, source].find((one) => one.kind === 'problems') ?? [base, source].find(isWaiting);
  if (stuck) return { found: stuck, ...more };
  const inputs = {
    ...(base.kind === 'found' && base.value ? { base: base.value } : {}),
    ...(source.kind === 'found' && source.value ? { source: source.value } : {}),
  };
  return { found: { kind: 'found', value: inputs }, ...more };
}

const isWaiting = (one: Found<unknown>) => one.kind === 'waiting';

/** The image of the ImageSpec that is the base, once it is ready for what it says now. */
function baseOf(
  object: ImageSpec,
  spec: Spec,
  find: Sources['imageSpecOf'],
): Found<ResolvedBase | undefined> {
  const name = spec.baseImageSpecRef?.name;
  if (name === undefined) return { kind: 'found', value: undefined };
  const { namespace } = object.metadata;
  const chain = [object.metadata.name];
  let next: string | undefined = name;
  while (next !== undefined && !chain.includes(next)) {
    chain.push(next);
    next = baseNameOf(find(namespace, next));
  }
  if (next === object.metadata.name) {
    const message = `${[...chain, next].join(' is built on ')}: take one of them out of the circle`;
    return { kind: 'problems', problems: [{ field: 'spec.baseImageSpecRef', message }] };
  }
  const base = find(namespace, name);
  const waiting = (message: string): Found<never> => ({
    kind: 'waiting',
    // The base's own change brings this ImageSpec back at once.
    waiting: { reason: 'DependencyNotReady', message, againMs: MINUTE },
  });
  if (!base) return waiting(say.noBase(name));
  const ready = conditionOf(base.status?.conditions, 'Ready');
  const { resolvedImage, digest, image } = base.status ?? {};
  // Not by Ready, which is False too where only the publication of the image has failed.
  const current = ready?.observedGeneration === base.metadata.generation;
  if (!current || resolvedImage === undefined || digest === undefined || image === undefined) {
    return waiting(say.baseNotReady(name, ready?.message ?? say.progressing()));
  }
  const line = lineOf(chain.slice(1).map((one) => find(namespace, one)));
  return { kind: 'found', value: { ...line, image: resolvedImage, digest, name: image } };
}

/** What ImageSpecs, each built on the next, are to one that is built on the first. */
function lineOf(bases: readonly (ImageSpec | undefined)[]): BaseSpec | undefined {
  return bases.reduceRight<BaseSpec | undefined>((base, one) => {
    const name = one?.status?.image;
    if (one === undefined || name === undefined) return undefined;
    const read = readSpec(one);
    return { name, ...(read.ok ? { spec: read.spec } : {}), ...(base ? { base } : {}) };
  }, undefined);
}

/** The name that an ImageSpec's own spec.baseImageSpecRef gives, as far as it is one. */
export function baseNameOf(object: Pick<ImageSpec, 'spec'> | undefined): string | undefined {
  const ref = (object?.spec as { baseImageSpecRef?: { name?: unknown } } | undefined)?.baseImageSpecRef;
  return typeof ref?.name === 'string' ? ref.name : undefined;
}

type SourceFound = { readonly found: Found<ResolvedSource | undefined> } & Omit<Resolved, 'found'>;

async function sourceOfSpec(object: ImageSpec, spec: Spec, sources: Sources): Promise<SourceFound> {
  const selection = selectionOf(spec);
  const { files, configMapRef } = spec.source ?? {};
  if (!selection) return { found: { kind: 'found', value: undefined }, looks: [] };
  if (files) return { found: judged(resolveFiles(files, selection)), looks: [] };
  if (configMapRef) {
    const keys = await readConfigMap(sources.connection, object.metadata.namespace, configMapRef.name);
    if (keys) {
      return { found: judged(resolveFiles(keys, selection)), looks: [], lookAgainMs: CONFIG_MAP_AGAIN_MS };
    }
    return { found: unavailable(say.noConfigMap(configMapRef.name), MISSING_AGAIN_MS), looks: [] };
  }
  const question = sourceQuestion(spec);
  if (!question) throw new Error('a source of no kind');
  return await lookedUp(question, selection, object, spec, sources);
}

function judged(read: ReturnType<typeof resolveFiles>): Found<ResolvedSource> {
  return read.ok ? { kind: 'found', value: read.source } : { kind: 'problems', problems: read.problems };
}

const unavailable = (message: string, againMs: number): Found<never> => ({
  kind: 'waiting',
  waiting: { reason: 'SourceUnavailable', message, againMs },
});

/** A source that only a look Job may read: the latest answer, else what the status knows from earlier ones. */
async function lookedUp(
  question: LookQuestion,
  selection: Selection,
  object: ImageSpec,
  spec: Spec,
  sources: Sources,
): Promise<SourceFound> {
  const pollMs = moves(spec) ? sources.settings.sources.pollSeconds * SECOND : Infinity;
  const { prefix, looked, due, words } = await lookAt(question, object, spec, sources, pollMs);
  const told = object.status?.source;
  const known = told?.question === prefix ? rememberedSource(selection, told) : undefined;
  const result = looked.latest?.result;
  // Nothing moves a commit: what is known of it needs no further look.
  const settled = spec.suspend === true || (known !== undefined && pollMs === Infinity);
  // Where a look is due and does not begin, there was no room.
  const lookAgainMs = due ? Infinity : looked.dueInMs || MISSING_AGAIN_MS;
  const more = {
    looks: due && !settled ? [due] : [],
    question: prefix,
    ...(settled || lookAgainMs === Infinity ? {} : { lookAgainMs }),
    ...(known && result && 'unreadable' in result ? { remark: unreadable(spec, result) } : {}),
  };
  if (result && 'source' in result) {
    return { found: { kind: 'found', value: rememberedSource(selection, result.source) }, ...more };
  }
  if (result && 'problems' in result) {
    return { found: { kind: 'problems', problems: result.problems }, ...more };
  }
  if (known) return { found: { kind: 'found', value: known }, ...more };
  // Only Events tell why a look does not start, and nobody watches those.
  const againMs = looked.running ? 3 * SECOND : Math.min(looked.dueInMs, MINUTE) || 3 * SECOND;
  if (words !== undefined) return { found: unavailable(say.cannotLook(words), againMs), ...more };
  if (result) return { found: unavailable(unreadable(spec, result), againMs), ...more };
  const waiting = { reason: 'Progressing', message: say.looking(placeOf(spec)), againMs } as const;
  return { found: { kind: 'waiting', waiting }, ...more };
}

function unreadable(spec: Spec, result: LookResult): string {
  const failure = 'unreadable' in result ? result.unreadable : undefined;
  return say.unreadable(placeOf(spec), failure?.kind ?? 'unavailable', failure?.message ?? '', {
    field: spec.source?.git ? 'spec.source.git' : 'spec.source.oci',
    secret: spec.source?.git ? 'spec.source.git.secretRef' : 'spec.pullSecretRefs',
  });
}

const placeOf = (spec: Spec) => spec.source?.git?.url ?? spec.source?.oci?.image ?? '';

/** A branch, a tag and a default branch may be moved; a commit and a digest may not. */
function moves({ source }: Spec): boolean {
  if (source?.git) return source.git.commit === undefined;
  return source?.oci?.image.includes('@sha256:') === false;
}
