/** The Events that go with a change of the status: each thing is told once, when it begins to be so. */
import { type ConditionType, conditionOf } from '../api/conditions.ts';
import type { FailureReason, Reason } from '../api/reasons.ts';
import type { Status } from '../api/status.ts';
import type { Facts } from './facts.ts';
import type { State } from './status.ts';

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
    ['Stalled', 'Reconciling', 'Ready']
      .map((type) => conditionOf(one?.conditions, type as ConditionType))
      .find(Boolean);
  const changed =
    says(status)?.reason !== says(before)?.reason || says(status)?.message !== says(before)?.message;
  const notes: Note[] = [];
  if ('failed' in state && state.failed) {
    notes.push({
      type: 'Warning',
      reason: state.failed.failure.reason,
      note: status.lastFailure?.message ?? '',
      action: 'Build',
    });
  }
  if (state.kind === 'working' && state.starts !== undefined) {
    notes.push({
      type: 'Normal',
      reason: 'BuildStarted',
      note: `Created Job ${status.build?.jobName} for ${status.image}`,
      action: 'Build',
    });
  }
  if (state.kind === 'ready' && status.resolvedImage !== before?.resolvedImage) {
    notes.push({
      type: 'Normal',
      reason: 'ImageAvailable',
      note: status.resolvedImage ?? '',
      action: state.job ? 'Build' : 'Check',
    });
  }
  if (state.kind === 'stalled' && !state.failed && changed) {
    notes.push({ type: 'Warning', reason: state.reason, note: state.message, action: 'Check' });
  }
  if (state.kind === 'working' && state.reason === 'BuildPending' && changed) {
    notes.push({ type: 'Warning', reason: 'BuildPending', note: state.message, action: 'Build' });
  }
  if (facts.remark !== undefined) {
    notes.push({ type: 'Warning', reason: 'SourceUnavailable', note: facts.remark, action: 'Check' });
  }
  if (state.kind === 'waiting' && state.reason === 'SourceUnavailable' && (keeps || changed)) {
    notes.push({ type: 'Warning', reason: state.reason, note: state.message, action: 'Check' });
  }
  if (state.kind === 'unanswered' && (keeps || changed)) {
    notes.push({
      type: 'Warning',
      reason: state.stalled ? 'RegistryDenied' : 'RegistryUnreachable',
      note: state.message,
      action: 'Check',
    });
  }
  return notes;
}
