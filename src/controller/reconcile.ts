/**
 * One pass for one ImageSpec: observe → plan → apply → report.
 *
 * A pass may stop at any point and be done again from the start: what was created is found again, and the
 * status is one write of a whole.
 */
import { isDeepStrictEqual } from 'node:util';
import { conditionOf } from '../api/conditions.ts';
import type { ImageSpec } from '../api/image-spec.ts';
import { API_VERSION, KIND } from '../api/names.ts';
import { say } from '../api/reasons.ts';
import type { Status } from '../api/status.ts';
import type { EventRecorder } from '../kube/events.ts';
import { writeStatus } from '../kube/image-specs.ts';
import type { Facts, Publication } from '../plan/facts.ts';
import { type Plan, plan } from '../plan/plan.ts';
import { progressingStatus } from '../plan/status.ts';
import { type Applied, apply, type Hands } from './apply.ts';
import { observe } from './observe.ts';
import type { Sources } from './sources.ts';

export interface Parts extends Sources, Hands {
  readonly events: Pick<EventRecorder, 'record'>;
}

export interface Reconciled {
  readonly requeueAfterMs: number | undefined;
  /** True while the ImageSpec waits for a place to build. */
  readonly queued: boolean;
  readonly result: 'success' | 'requeue' | 'requeue_after';
}

/** Observing that takes longer than this is shown in the status of an object nobody has spoken of yet. */
const SHOW_PROGRESS_AFTER_MS = 1000;
/** Quotas and policies change by somebody's hand. */
const REFUSED_AGAIN_MS = 30_000;
/** Facts that turn out stale again and again mean that others write at the same time. */
const MOST_PLANS = 4;

/** @throws whatever the API server failed with; the queue tries again */
export async function reconcile(object: ImageSpec, parts: Parts, signal?: AbortSignal): Promise<Reconciled> {
  const seen = await observeVisibly(object, parts, signal);
  let { facts } = seen;
  let decided = plan(facts);
  for (let round = 1; ; round += 1) {
    const applied = await apply(decided.actions, facts, parts);
    if (applied.kind === 'done') break;
    if (round === MOST_PLANS)
      throw new Error('what belongs to this ImageSpec keeps changing; looking again later');
    facts = applied.kind === 'stale' ? await observe(object, parts, signal) : amended(facts, applied);
    decided = plan(facts);
  }
  const written = await report(object, seen.resourceVersion, decided, parts);
  return {
    requeueAfterMs: written ? decided.requeueAfterMs : 1000,
    queued: conditionOf(decided.status.conditions, 'Reconciling')?.reason === 'Queued',
    result: !written ? 'requeue' : decided.requeueAfterMs === undefined ? 'success' : 'requeue_after',
  };
}

/** Writes the status if it differs, then tells of the change. False when somebody wrote before us. */
async function report(
  object: ImageSpec,
  resourceVersion: string,
  decided: Plan,
  parts: Parts,
): Promise<boolean> {
  const { namespace, name, uid } = object.metadata;
  if (!isDeepStrictEqual(normal(decided.status), normal(object.status))) {
    const write = await writeStatus(parts.connection, { namespace, name, resourceVersion }, decided.status);
    if (write.kind === 'conflict') return false;
    if (write.kind === 'gone') return true;
  }
  const regarding = { apiVersion: API_VERSION, kind: KIND, namespace, name, uid };
  for (const { type, reason, note, action } of decided.notes)
    parts.events.record({ regarding, type, reason, note, action });
  return true;
}

/** Key order and undefined values are no difference. */
const normal = (status: Status | undefined): unknown => JSON.parse(JSON.stringify(status ?? {}));

/** Observes, and says so in the status when that takes long; with the version the status is to be written over. */
async function observeVisibly(
  object: ImageSpec,
  parts: Parts,
  signal?: AbortSignal,
): Promise<{ facts: Facts; resourceVersion: string }> {
  const { namespace, name, resourceVersion } = object.metadata;
  const observed = observe(object, parts, signal);
  if (conditionOf(object.status?.conditions, 'Ready')) return { facts: await observed, resourceVersion };
  const slow = Symbol('slow');
  const timer = Promise.withResolvers<typeof slow>();
  const timeout = setTimeout(() => timer.resolve(slow), SHOW_PROGRESS_AFTER_MS);
  const first = await Promise.race([observed, timer.promise]).finally(() => clearTimeout(timeout));
  if (first !== slow) return { facts: first, resourceVersion };
  const [facts, write] = await Promise.all([
    observed,
    writeStatus(
      parts.connection,
      { namespace, name, resourceVersion },
      progressingStatus(object, parts.now()),
    ),
  ]);
  return { facts, resourceVersion: write.kind === 'written' ? write.resourceVersion : resourceVersion };
}

/** The facts with what an action found out. */
function amended(facts: Facts, applied: Exclude<Applied, { kind: 'done' | 'stale' }>): Facts {
  switch (applied.kind) {
    case 'no-slot':
      return withWanted(facts, { slotFree: false });
    case 'refused':
      return withRefusal(facts, applied.words);
    case 'moved':
      return withPublication(facts, { found: applied.found });
    case 'unpublished':
      return withPublication(facts, { refused: applied.words });
  }
}

function withPublication(facts: Facts, change: Partial<Publication>): Facts {
  return facts.publication ? { ...facts, publication: { ...facts.publication, ...change } } : facts;
}

function withWanted(facts: Facts, change: { slotFree?: boolean; refused?: string }): Facts {
  if (!('target' in facts.wanted)) return facts;
  const { pieces } = facts.wanted;
  const changed = pieces && { pieces: pieces.map((piece) => ({ ...piece, ...change })) };
  return { ...facts, wanted: { ...facts.wanted, ...change, ...changed } };
}

/** The API server refuses a Job of ours, a build's or a look's. */
function withRefusal(facts: Facts, words: string): Facts {
  const rest = { ...facts, looks: [] };
  if (!('waiting' in facts.wanted)) return withWanted(rest, { refused: words });
  const { waiting } = facts.wanted;
  const message = say.cannotLook(words);
  const refused = { ...waiting, reason: 'SourceUnavailable', message, againMs: REFUSED_AGAIN_MS } as const;
  return { ...rest, wanted: { waiting: refused } };
}
