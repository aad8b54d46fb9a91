/**
 * Every reason a condition can carry, and the sentence each one speaks: the closed list of the status.
 *
 * Three kinds: the image is there, work is under way (`Reconciling`), a person must act (`Stalled`).
 */

/** Why a build attempt failed. What follows from it is {@link RETRY}. */
export type FailureReason =
  | 'PackageNotFound'
  | 'PythonNotFound'
  | 'CommandFailed'
  | 'BuildFailed'
  | 'BaseImageNotFound'
  | 'RegistryDenied'
  | 'TagImmutable'
  | 'OutOfMemory'
  | 'OutOfDisk'
  | 'DeadlineExceeded'
  | 'IndexUnreachable'
  | 'RegistryUnreachable'
  /** The source could not be read, or holds something else by now. */
  | 'SourceUnavailable'
  /** The build never began: a Secret, an image or a place to run was missing until its time was over. */
  | 'NotStarted'
  /** The cluster ended it, not the build. */
  | 'Interrupted';

/** Work is under way. */
export type WorkingReason =
  | 'Progressing'
  | 'BuildPending'
  | 'Building'
  | 'Queued'
  /** The ImageSpec to build on has no image of its own content yet. */
  | 'DependencyNotReady'
  /** The source cannot be read, and nothing is known of it. */
  | 'SourceUnavailable'
  | 'RegistryUnreachable'
  | 'Suspended';

/** A person must act. */
export type StalledReason =
  | Exclude<FailureReason, 'RegistryUnreachable' | 'SourceUnavailable' | 'NotStarted' | 'Interrupted'>
  | 'InvalidSpec'
  | 'PodSecurityDenied'
  | 'PolicyDenied'
  /** The ConfigMap of spec.publish is somebody else's. */
  | 'PublishConflict';

export type Reason = 'ImageAvailable' | WorkingReason | StalledReason;

/**
 * What a failed attempt is followed by: `never` another one before something changes; `bounded` as many
 * as spec.build.retries allows; `slow` a cheap new look after 2 minutes, doubling to an hour, because
 * what is missing may appear without an edit of the ImageSpec; `patient` another one after 30 s, doubling to
 * an hour, because nothing about the ImageSpec is wrong.
 */
export const RETRY: Readonly<Record<FailureReason, 'never' | 'bounded' | 'slow' | 'patient'>> = {
  PackageNotFound: 'never',
  PythonNotFound: 'never',
  CommandFailed: 'never',
  BuildFailed: 'never',
  TagImmutable: 'never',
  BaseImageNotFound: 'slow',
  RegistryDenied: 'slow',
  OutOfMemory: 'bounded',
  OutOfDisk: 'bounded',
  DeadlineExceeded: 'bounded',
  IndexUnreachable: 'bounded',
  RegistryUnreachable: 'patient',
  SourceUnavailable: 'patient',
  NotStarted: 'patient',
  Interrupted: 'bounded',
};

export const FAILURE_REASONS = Object.keys(RETRY) as FailureReason[];

/** What a user can do about a failure; stands behind the failure's own words. */
const ADVICE: Readonly<Record<FailureReason, string>> = {
  PackageNotFound: 'Check the spelling and the version.',
  PythonNotFound: 'Choose another baseImage or pythonVersion.',
  CommandFailed: 'Correct spec.commands.',
  BuildFailed: 'See status.lastFailure.message.',
  BaseImageNotFound: 'Check spec.baseImage; if it is private, name its Secret in spec.pullSecretRefs.',
  RegistryDenied:
    'Name a Secret that may pull and push there in spec.pushSecretRef, correct that Secret, or choose another spec.registry.',
  TagImmutable: 'The registry refuses to overwrite the tag; allow it there, or leave spec.rebuild as it was.',
  OutOfMemory: 'Raise spec.build.resources.limits.memory.',
  OutOfDisk: "Raise spec.build.resources.limits['ephemeral-storage'].",
  DeadlineExceeded: 'Raise spec.build.timeoutSeconds.',
  IndexUnreachable:
    'The package index could not be reached from the build; set spec.rebuild to a new number to try again.',
  NotStarted: 'It is tried again by itself.',
  Interrupted: 'Events of the build pod say why; set spec.rebuild to a new number to try again.',
  RegistryUnreachable: 'It is tried again by itself.',
  SourceUnavailable: 'It is tried again by itself.',
};

/** The sentences of the conditions. */
export const say = {
  available: (image: string) => `${image} exists`,
  progressing: () => 'looking at the spec and the registry',
  building: (builder: string, attempt: number, step: string) =>
    `building with ${builder}, attempt ${attempt}, step ${step}`,
  pushed: (image: string) => `${image} was pushed; waiting for the registry to show it`,
  pending: (words: string) => `the build cannot start yet: ${words}`,
  queued: (limit: number) => `waiting for one of the ${limit} builds that may run at a time`,
  retrying: (attempt: number, failure: string, seconds: number) =>
    `attempt ${attempt} failed: ${withStop(failure)} Next attempt in ${seconds} s.`,
  unreachable: (words: string, seconds: number) => `${words}; asking again in ${seconds} s`,
  deniedToPod: (words: string) =>
    `${withStop(words)} The Secrets of spec.pushSecretRef and spec.pullSecretRefs do not open it; correct them, or choose another spec.registry.`,
  denied: (words: string) =>
    `${withStop(words)} Give the operator read access there (dockerConfigFile in its settings), or choose another spec.registry.`,
  podSecurity: (namespace: string, words: string, level: 'privileged' | 'baseline') =>
    `the namespace refuses the build pod: ${words}. Label it (kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=${level}) or choose a builder whose pods it admits${level === 'privileged' ? '; those of engine Kaniko need baseline' : ''}.`,
  policy: (words: string) => `an admission policy refuses the build: ${words}`,
  publishConflict: (name: string, owner: string | undefined, seconds: number) =>
    `the image exists, but is not published: there is a ConfigMap ${name} that ${owner === undefined ? 'does not belong to this ImageSpec' : `belongs to ${owner}`}. Delete it, or write another name in spec.publish.configMap.name; looked at again every ${seconds} s.`,
  publishRefused: (name: string, words: string) =>
    `the image exists, but is not published: the API server refuses ConfigMap ${name}: ${words}`,
  noBase: (name: string) =>
    `there is no ImageSpec ${name} in this namespace; create it, or correct spec.baseImageSpecRef.name`,
  baseNotReady: (name: string, words: string) => `ImageSpec ${name} is not ready: ${words}`,
  noConfigMap: (name: string) =>
    `there is no ConfigMap ${name} in this namespace; create it, or correct spec.source.configMapRef.name`,
  looking: (what: string) => `looking at ${what}`,
  cannotLook: (words: string) => `the source cannot be looked at yet: ${words}`,
  unreadable: (
    place: string,
    kind: 'unavailable' | 'absent' | 'denied',
    words: string,
    { field, secret }: { field: string; secret: string },
  ) =>
    kind === 'unavailable'
      ? `${place} cannot be read: ${withStop(words)} It is tried again by itself.`
      : kind === 'absent'
        ? `${place}: ${withStop(words)} Correct ${field}.`
        : `${place} lets nobody in: ${withStop(words)} Correct ${secret} or the Secret it names.`,
  asking: (image: string) => `asking for ${image} with the Secrets of this ImageSpec`,
  noImage: (image: string) => `${image} does not exist; correct spec.baseImage`,
  suspended: () => 'spec.suspend is true',
  invalid: (problems: readonly { field: string; message: string }[]) =>
    problems.map((problem) => `${problem.field}: ${problem.message}`).join('; '),
  failed: (reason: FailureReason, headline: string) => `${withStop(headline)} ${ADVICE[reason]}`,
  exhausted: (reason: FailureReason, headline: string, attempts: number) =>
    `${withStop(headline)} Gave up after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}. ${ADVICE[reason]}`,
};

const withStop = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);
