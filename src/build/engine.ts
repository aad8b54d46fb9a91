/**
 * What every engine brings: one file each under `engines/`, one entry in the map of `engines.ts`.
 *
 * An engine is the program that turns a Dockerfile into a pushed image. Its upstream image is used
 * unchanged; everything of ours happens in the steps before and after it.
 */
import type { V1Container, V1Volume } from '../api/kubernetes.ts';
import type { FailureReason } from '../api/reasons.ts';
import type { BuildContext } from './context.ts';

/** What `prepare` found out before the engine starts. */
export interface Prepared {
  /** Base image pinned by digest, as the engine is to pull it. */
  readonly base: string;
  /** User the image ends with. */
  readonly user: string;
}

/** A failure in words a user knows. */
export interface Explained {
  readonly reason: FailureReason;
  /** One line: what went wrong, naming the thing where it is known. */
  readonly headline: string;
  /** What the failure is about, such as a package's name. */
  readonly subject?: string;
}

export interface Engine {
  /** The release this operator was tested with. */
  readonly image: string;
  /** The container of the step `build`, without image, resources and the mounts all steps share. */
  readonly container: Pick<V1Container, 'command' | 'args' | 'env' | 'securityContext' | 'volumeMounts'>;
  readonly volumes: readonly V1Volume[];
  /** The files the engine reads, below {@link PATHS.work}; made by `prepare`. */
  files(context: BuildContext, prepared: Prepared): Record<string, string>;
  /** The digest in the file the engine left behind ({@link PATHS.result}). */
  digestOf(result: string): string | undefined;
  /** What the end of the engine's log means. */
  explain(log: string): Explained;
}

/** Where the steps of a build pod meet. */
export const PATHS = {
  /** Shared by all steps: the Dockerfile's folder, the engine's files, the result. */
  work: '/imagespec/work',
  context: '/imagespec/work/context',
  result: '/imagespec/work/result.json',
  /** All certificate authorities: the public ones and the operator's additional ones. */
  ca: '/imagespec/work/ca.crt',
  /** In memory only: the merged docker config.json. */
  auth: '/imagespec/auth',
  secrets: '/imagespec/secrets',
  podinfo: '/imagespec/podinfo',
  /** Written when a step begins and ends; their times are the step's. */
  times: '/imagespec/work/times',
} as const;
