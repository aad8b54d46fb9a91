/** Everything `plan` is told: what the user wants, what exists, what is under way. Gathered by `observe`. */

import type { LookResult } from '../api/build-result.ts';
import type { ImageSpec, Spec } from '../api/image-spec.ts';
import type { WorkingReason } from '../api/reasons.ts';
import type { RegistryAnswer } from '../api/registry-answer.ts';
import type { BuildContext, IndexContext } from '../build/context.ts';
import type { LookQuestion } from '../build/look.ts';
import type { Progress } from '../build/outcome.ts';
import type { ResolvedSource } from '../image/inputs.ts';
import type { Problem, Target } from '../image/target.ts';

/** A registry's answer and what the operator remembers of earlier ones. */
export interface Asked {
  readonly answer: RegistryAnswer;
  /** How often in a row the answer has been denied or unavailable, this one included. */
  readonly times: number;
  /** How long ago it was given. */
  readonly ageMs: number;
  /** Who asked; a pod of the tenant's where the operator itself is refused. @default 'Operator' */
  readonly by?: 'Operator' | 'Job';
}

/** One build Job, reduced to what decisions need. Times in milliseconds. */
export interface JobFact {
  readonly name: string;
  readonly uid: string;
  readonly attempt: number;
  readonly access: string;
  readonly builder: string;
  readonly owners: readonly string[];
  readonly deleting: boolean;
  readonly created: number;
  /** When it ended; undefined while it runs. */
  readonly ended?: number;
  /** When its first step began. */
  readonly started?: number;
  readonly progress: Progress;
  /** The cluster's own words about why its pod does not start, where there are any. */
  readonly trouble?: Trouble;
}

/** One look Job. Times in milliseconds. */
export interface LookFact
  extends Pick<JobFact, 'name' | 'attempt' | 'deleting' | 'created' | 'ended' | 'trouble'> {
  readonly progress: Progress<LookResult>;
}

/** A look that is to begin now. */
export interface LookDue {
  readonly question: LookQuestion;
  readonly spec: Spec;
  readonly attempt: number;
}

/** A Warning Event about a Job or its pod. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

/** One ConfigMap in the ImageSpec's namespace. */
export interface ConfigMapFact {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly owners: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  /** Hash of what it publishes. */
  readonly content: string;
  readonly immutable: boolean;
}

/** What spec.publish asks for, and what there is. */
export interface Publication {
  readonly spec: Spec;
  /** The ConfigMap that has the wanted name, whosever it is. */
  readonly found?: ConfigMapFact | undefined;
  /** Those of other names that the ImageSpec owns. */
  readonly others: readonly ConfigMapFact[];
  /** Why the API server just refused the ConfigMap, in its own words. */
  readonly refused?: string;
}

/** What an ImageSpec asks for, and the Jobs that are about it. */
export interface Wanted {
  readonly target: Target;
  /** What a build pod would be told; none where the builder builds nothing (engine Noop). */
  readonly context: BuildContext | IndexContext | undefined;
  /** With several platforms: what is wanted of each; `jobs` then only put their images together. */
  readonly pieces?: readonly Wanted[];
  readonly access: string;
  /** What the source is now, for the status; `question` is what the look Job was asked. */
  readonly source?: ResolvedSource & { readonly question?: string | undefined };
  /** Jobs for this content and destination, whoever owns them, by rising attempt. */
  readonly jobs: readonly JobFact[];
  /** Undefined when nobody had to be asked. */
  readonly asked: Asked | undefined;
  /** Set while a pod of the tenant's asks the registry; the cluster's own words where it cannot. */
  readonly looking?: { readonly words?: string };
  /** Where nobody had to be asked: how long that stays so. */
  readonly restMs?: number;
  /** May one more build start now? */
  readonly slotFree: boolean;
  readonly retries: number;
  /** Why the API server just refused the build's Job, in its own words. */
  readonly refused?: string;
  /** How many builds may run at a time; for the message. */
  readonly slots: number;
}

/** Something the spec refers to is not there, so that nobody can say yet which image it asks for. */
export interface Waiting {
  readonly reason: Extract<WorkingReason, 'DependencyNotReady' | 'SourceUnavailable' | 'Progressing'>;
  readonly message: string;
  /** When to look again. */
  readonly againMs: number;
  readonly suspended: boolean;
}

export interface Facts {
  readonly object: ImageSpec;
  readonly wanted: Wanted | { readonly waiting: Waiting } | { readonly problems: readonly Problem[] };
  /** Where what the spec refers to may move unseen: when to look at it again at the latest. */
  readonly lookAgainMs?: number;
  /** What cannot be read just now and was read before: told, and lived with. */
  readonly remark?: string;
  /** Looks that are to begin now. */
  readonly looks?: readonly LookDue[];
  /** Absent where the spec cannot be read. */
  readonly publication?: Publication;
  /** Running Jobs this ImageSpec still owns for content it no longer wants. */
  readonly strays: readonly {
    readonly name: string;
    readonly uid: string;
    readonly owners: readonly string[];
  }[];
  readonly now: Date;
}
