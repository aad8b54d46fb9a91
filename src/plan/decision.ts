/** What a rule decides, before it is put into a status. */
import type { V1ConfigMap } from '../api/kubernetes.ts';
import type { StalledReason, WorkingReason } from '../api/reasons.ts';
import type { Failure } from '../build/outcome.ts';
import type { ConfigMapFact, JobFact, LookDue } from './facts.ts';

/** One effect on the world; `apply` carries it out, and each may be carried out again. */
export type Action =
  | {
      readonly kind: 'create-job';
      readonly attempt: number;
      /** The image exists and is wanted anew, so no step may come from a cache. */
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

/** A build attempt that failed and is not in the status yet. */
export interface Failed {
  readonly job: JobFact;
  readonly failure: Failure;
  /** The failure's one line, naming the field it is about. */
  readonly headline: string;
  readonly count: number;
  /** Of the content that failed: the whole, or one of several platforms. */
  readonly specHash: string;
}

/** How the image stands, before it is put into conditions. */
export type State =
  | {
      readonly kind: 'ready';
      readonly digest: string;
      /** Who saw the image. @default 'Operator' */
      readonly by?: 'Operator' | 'Job' | undefined;
      readonly job?: JobFact | undefined;
      readonly failed?: Failed | undefined;
    }
  | {
      readonly kind: 'working';
      readonly reason: WorkingReason;
      readonly message: string;
      readonly job?: JobFact;
      /** The attempt that starts now. */
      readonly starts?: { readonly attempt: number; readonly job: string };
      readonly failed?: Failed | undefined;
    }
  | {
      readonly kind: 'stalled';
      readonly reason: StalledReason;
      readonly message: string;
      readonly job?: JobFact;
      readonly failed?: Failed | undefined;
    }
  /** The registry gave no answer that counts. */
  | { readonly kind: 'unanswered'; readonly stalled: boolean; readonly message: string }
  /** What the spec refers to is not there. */
  | { readonly kind: 'waiting'; readonly reason: WorkingReason; readonly message: string }
  | { readonly kind: 'suspended' }
  /** Nobody had to be asked: everything is as the status says. */
  | { readonly kind: 'unchanged' };

/** What to do about one image: the whole, or with several platforms one of them. */
export interface Decision {
  readonly state: State;
  /** When to look again if nothing happens before, in milliseconds. */
  readonly pauseMs?: number | undefined;
  readonly actions: readonly Action[];
}

export const decision = (state: State, pauseMs?: number, actions: readonly Action[] = []): Decision => ({
  state,
  pauseMs,
  actions,
});
