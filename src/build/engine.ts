/**
 * What every engine brings: one file each under `engines/`, one entry in the map of `engines.ts`.
 *
 * An engine is the program that turns a Dockerfile into a pushed image. Its upstream image is used
 * unchanged; everything of ours happens in the steps before and after it.
 */
import type { z } from 'zod';
import type { V1Container, V1PodSpec, V1Volume } from '../api/kubernetes.ts';
import type { FailureReason } from '../api/reasons.ts';
import type { Dialect } from '../image/recipe.ts';
import type { Problem, Target } from '../image/target.ts';
import type { BuilderSetting } from '../settings.ts';
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

/** What an engine adds to the pod of a build. */
export interface EnginePart {
  /**
   * The engine runs elsewhere, and its client is in our own image: the container says only what it adds to one of our
   * steps. No code of a user runs in such a pod.
   */
  readonly client?: true;
  /**
   * The container of the step `build`, without name and the mounts all steps share; without resources it gets those
   * of the build.
   */
  readonly container: Pick<
    V1Container,
    'image' | 'command' | 'args' | 'env' | 'resources' | 'securityContext' | 'volumeMounts'
  >;
  readonly volumes: readonly V1Volume[];
  /** Further fields of the pod, such as tolerations. */
  readonly pod?: Partial<V1PodSpec>;
}

export interface Engine {
  /** The Dockerfile it is given. */
  dialect(builder: BuilderSetting): Dialect;
  /** What a namespace must admit for its pods (pod-security.kubernetes.io/enforce); unknown where the template says. */
  readonly podSecurity?: 'privileged' | 'baseline';
  /** What spec.builderOptions may hold; strict, so that a key nobody reads is refused. */
  readonly options: z.ZodType;
  /** What of a target this engine cannot do. */
  refuses(target: Target): Problem[];
  /**
   * Its part of the pod. The Secret of context.secretMounts[i] is the volume `secret-mount-<i>` with the one file
   * `value`; the engine mounts it where it needs it.
   */
  part(builder: BuilderSetting, context: BuildContext): EnginePart;
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
  result: '/imagespec/work/result',
  /** All certificate authorities: the public ones and the operator's additional ones. */
  ca: '/imagespec/work/ca.crt',
  /** In memory only: the merged docker config.json. */
  auth: '/imagespec/auth',
  /** The Secrets of registries, a folder each. */
  secrets: '/imagespec/secrets',
  podinfo: '/imagespec/podinfo',
  /** The ConfigMap that is the source, a file a key. */
  configMap: '/imagespec/config-map',
  /** The Secret of a git source, a file a key. */
  gitSecret: '/imagespec/git-secret',
  /** Where a source is fetched to, before what is used of it goes into the context. */
  fetched: '/imagespec/work/fetched',
  /** Written when a step begins and ends; their times are the step's. */
  times: '/imagespec/work/times',
  /** A socket that is open for as long as `prepare` runs. */
  preparing: '/imagespec/work/preparing',
} as const;

/** The volume of one of context.secretMounts. */
export const secretMountVolume = (index: number) => `secret-mount-${index}`;
