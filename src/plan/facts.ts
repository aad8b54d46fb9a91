/** Everything `plan` is told: what the user wants, what exists, what is under way. Gathered by `observe`. */
import type { ImageSpec } from '../api/image-spec.ts';
import type { RegistryAnswer } from '../api/registry-answer.ts';
import type { BuildContext } from '../build/context.ts';
import type { Progress } from '../build/outcome.ts';
import type { Problem, Target } from '../image/target.ts';

/** A registry's answer and what the operator remembers of earlier ones. */
export interface Asked {
  readonly answer: RegistryAnswer;
  /** How often in a row the answer has been denied or unavailable, this one included. */
  readonly times: number;
  /** How long ago it was given. */
  readonly ageMs: number;
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

/** A Warning Event about a Job or its pod. */
export interface Trouble {
  readonly reason: string;
  readonly message: string;
}

/** What an ImageSpec asks for, and the Jobs that are about it. */
export interface Wanted {
  readonly target: Target;
  /** What a build pod would be told. */
  readonly context: BuildContext;
  readonly access: string;
  /** Jobs for this content and destination, whoever owns them, by rising attempt. */
  readonly jobs: readonly JobFact[];
  /** Undefined when nobody had to be asked. */
  readonly asked: Asked | undefined;
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

export interface Facts {
  readonly object: ImageSpec;
  readonly wanted: Wanted | { readonly problems: readonly Problem[] };
  /** Running Jobs this ImageSpec still owns for content it no longer wants. */
  readonly strays: readonly {
    readonly name: string;
    readonly uid: string;
    readonly owners: readonly string[];
  }[];
  readonly now: Date;
}
