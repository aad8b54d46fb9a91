/**
 * The conditions that tell what was decided.
 *
 * The rules of api.md section 2 in one place: `Ready` always, `Reconciling` and `Stalled` only while true and never
 * both; `Ready` is Unknown until an image was ready once.
 */
import { conditionOf, type NewCondition } from '../api/conditions.ts';
import { type Reason, type StalledReason, say, type WorkingReason } from '../api/reasons.ts';
import type { State } from './decision.ts';
import type { Facts } from './facts.ts';
import type { Standing } from './standing.ts';

/**
 * @param image the name of what is wanted, as far as it is known
 * @param keeps an image that was ready before is so still
 */
export function conditionsOf(
  { object }: Facts,
  state: State,
  {
    image,
    keeps,
    rebuilding,
  }: { readonly image: string | undefined; readonly keeps: boolean } & Pick<Standing, 'rebuilding'>,
): NewCondition[] {
  const { generation } = object.metadata;
  const condition = (
    type: NewCondition['type'],
    status: NewCondition['status'],
    reason: Reason,
    message: string,
  ): NewCondition => ({
    type,
    status,
    reason,
    // As much as the API server takes.
    message: message.slice(0, 32_000),
    observedGeneration: generation,
  });
  const available = condition('Ready', 'True', 'ImageAvailable', say.available(image ?? ''));
  const underWay = (reason: WorkingReason, message: string) => [
    condition('Ready', object.status?.latestReady === undefined ? 'Unknown' : 'False', reason, message),
    condition('Reconciling', 'True', reason, message),
  ];
  const stalled = (reason: StalledReason, message: string) => [
    condition('Ready', 'False', reason, message),
    condition('Stalled', 'True', reason, message),
  ];

  const before = conditionOf(object.status?.conditions, 'Ready');
  if (keeps && before) {
    const { reason, message } = wordsOf(state);
    if (!rebuilding || reason === undefined) return [available];
    // Ready still speaks of the old generation, so that whoever waits for this one waits.
    const old = {
      ...available,
      observedGeneration: Math.min(before.observedGeneration ?? 0, generation - 1),
    };
    return [old, condition('Reconciling', 'True', reason, message)];
  }
  switch (state.kind) {
    case 'ready':
      return [available];
    case 'working':
    case 'waiting':
      return underWay(state.reason, state.message);
    case 'stalled':
      return stalled(state.reason, state.message);
    case 'unanswered':
      return state.stalled
        ? stalled('RegistryDenied', state.message)
        : underWay('RegistryUnreachable', state.message);
    case 'suspended':
      return [condition('Ready', 'Unknown', 'Suspended', say.suspended())];
    case 'unchanged':
      return underWay('Progressing', say.progressing());
  }
}

/** The reason and sentence of a state in which something is not as wished; none for the others. */
function wordsOf(state: State): { reason?: Reason; message: string } {
  if (state.kind === 'working' || state.kind === 'stalled') return state;
  if (state.kind !== 'unanswered') return { message: '' };
  return { reason: state.stalled ? 'RegistryDenied' : 'RegistryUnreachable', message: state.message };
}
