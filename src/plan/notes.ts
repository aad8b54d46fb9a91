/** The Events that go with a change of the status: each thing is told once, when it begins to be so. */
import { conditionOf } from '../api/conditions.ts';
import type { FailureReason, Reason } from '../api/reasons.ts';
import type { Status } from '../api/status.ts';
import type { State } from './decision.ts';
import type { Facts } from './facts.ts';

/** An Event to be. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: Reason | FailureReason | 'BuildStarted';
  readonly note: string;
  readonly action: 'Check' | 'Build' | 'Publish';
}

/** @param keeps an image that was ready before is so still */
export function notesOf(facts: Facts, state: State, status: Status, keeps: boolean): Note[] {
  const before = facts.object.status;
  const says = (one: Status | undefined) =>
    (['Stalled', 'Reconciling', 'Ready'] as const)
      .map((type) => conditionOf(one?.conditions, type))
      .find(Boolean);
  const changed =
    says(status)?.reason !== says(before)?.reason || says(status)?.message !== says(before)?.message;
  const notes: Note[] = [];
  const tell = (reason: Note['reason'], note: string, action: Note['action']) =>
    notes.push({ type: 'Normal', reason, note, action });
  const warn = (reason: Note['reason'], note: string, action: Note['action']) =>
    notes.push({ type: 'Warning', reason, note, action });

  if ('failed' in state && state.failed)
    warn(state.failed.failure.reason, status.lastFailure?.message ?? '', 'Build');
  if (state.kind === 'working' && state.starts !== undefined)
    tell('BuildStarted', `Created Job ${status.build?.jobName} for ${status.image}`, 'Build');
  if (state.kind === 'ready' && status.resolvedImage !== before?.resolvedImage)
    tell('ImageAvailable', status.resolvedImage ?? '', state.job ? 'Build' : 'Check');
  if (state.kind === 'stalled' && !state.failed && changed) warn(state.reason, state.message, 'Check');
  if (state.kind === 'working' && state.reason === 'BuildPending' && changed)
    warn('BuildPending', state.message, 'Build');
  if (facts.remark !== undefined) warn('SourceUnavailable', facts.remark, 'Check');
  if (state.kind === 'waiting' && state.reason === 'SourceUnavailable' && (keeps || changed))
    warn(state.reason, state.message, 'Check');
  if (state.kind === 'unanswered' && (keeps || changed))
    warn(state.stalled ? 'RegistryDenied' : 'RegistryUnreachable', state.message, 'Check');
  return notes;
}
