/** What a rule decides, before it is put into a status. */
import type { V1ConfigMap } from '../api/kubernetes.ts';
import type { ConfigMapFact, LookDue } from './facts.ts';
import type { State } from './status.ts';

/** One effect on the world; `apply` carries it out, and each may be carried out again. */
export type Action =
  /** `fresh`: the image exists and is wanted anew, so no step may come from a cache. */
  | {
      readonly kind: 'create-job';
      readonly attempt: number;
      readonly fresh?: true;
      /** Which of several platforms it is for. */
      readonly piece?: number;
    }
  | { readonly kind: 'create-look'; readonly look: LookDue }
  | { readonly kind: 'join-job'; readonly job: string; readonly uid: string }
  | { readonly kind: 'leave-job'; readonly job: string; readonly uid: string }
  | { readonly kind: 'delete-job'; readonly job: string; readonly uid: string }
  | { readonly kind: 'create-config-map'; readonly configMap: V1ConfigMap }
  /** Only as it was seen, and so for the next. */
  | { readonly kind: 'change-config-map'; readonly configMap: V1ConfigMap; readonly seen: ConfigMapFact }
  | { readonly kind: 'delete-config-map'; readonly configMap: ConfigMapFact };

/** What to do about one image: the whole, or with several platforms one of them. */
export interface Decision {
  readonly state: State;
  /** When to look again if nothing happens before, in milliseconds. */
  readonly pauseMs?: number | undefined;
  readonly actions: readonly Action[];
}

export const done = (state: State, pauseMs?: number, actions: readonly Action[] = []): Decision => ({
  state,
  pauseMs,
  actions,
});
