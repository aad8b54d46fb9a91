/**
 * The effective spec: everything that decides the content of an image, after defaulting and in normal form.
 *
 * The native hash is taken over it. Defaults that belong to a recipe are frozen with it; what moves (a branch,
 * a ConfigMap, another ImageSpec) is in it by what it resolved to.
 */
import type { Spec } from '../api/image-spec.ts';
import type { Settings } from '../settings.ts';
import { containerIdOf } from './flytekit/identity.ts';
import { canonicalJson, type Json, sha256 } from './hash.ts';
import { type Inputs, type RequirementsKind, type ResolvedRequirements, requirementsKind } from './inputs.ts';
import { parseReference } from './reference.ts';
import { readRequirement } from './requirement.ts';
import { unknownKind } from './requirement-files.ts';

/** Python of recipe v1 where neither a version nor a base is named. Part of the hash: never change it. */
const V1_PYTHON = '3.11';

/** The user flytekit of profile Flytekit; the first that a Linux distribution gives to a person. */
const FLYTEKIT_USER = '1000:1000';

/** A Dockerfile's line has 65535 bytes; \u escapes may make six of one. */
const MAX_ENTRYPOINT = 10 * 1024;
const MAX_OPTIONS = 16 * 1024;

export interface EffectiveSpec {
  readonly recipe: 'v1';
  readonly profile?: 'Flytekit';
  /** What the container will compute as flytekit's id of its image; only with profile Flytekit. */
  readonly flytekitId?: string;
  readonly baseImage: string;
  /** Set where the base is another ImageSpec's image: it counts instead of baseImage. */
  readonly baseDigest?: string;
  /** Sorted. */
  readonly platforms: readonly string[];
  readonly pythonVersion?: string;
  readonly pythonExec?: string;
  /** In normal form, sorted. */
  readonly packages: readonly string[];
  readonly pipIndex?: string;
  readonly pipExtraIndexUrls: readonly string[];
  readonly pipExtraArgs: readonly string[];
  /** Sorted. */
  readonly condaPackages: readonly string[];
  readonly condaChannels: readonly string[];
  readonly cuda?: string;
  readonly cudnn?: string;
  readonly source?: {
    /** 64 hex digits over destination, content and mode of all that is used; the part that counts. */
    readonly digest: string;
    /** Files are copied into workdir. */
    readonly copied: boolean;
    /** Part of `digest`. */
    readonly requirements?: ResolvedRequirements;
  };
  readonly uvImage?: string;
  readonly builderOptions?: Readonly<Record<string, Json>>;
  /** Sorted. */
  readonly aptPackages: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly commands: readonly string[];
  /** Absent keeps the base's entrypoint, empty removes it. */
  readonly entrypoint?: readonly string[];
  readonly workdir: string;
  readonly user?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One thing the user must change; `field` as in `spec.packages[0]`. */
export interface Problem {
  readonly field: string;
  readonly message: string;
}

/** The native hash: 64 hex digits. What is empty is left out, so that new fields never rename images. */
export function hashOf(effective: EffectiveSpec): string {
  return sha256(canonicalJson(hashedOf(effective)));
}

/** What {@link hashOf} counts. */
export function hashedOf(effective: EffectiveSpec): { readonly [key: string]: Json } {
  const { entrypoint, env, labels, source, baseDigest, baseImage, builderOptions, ...rest } = effective;
  const filled = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => !Array.isArray(value) || value.length > 0),
  ) as Record<string, string | string[]>;
  return {
    ...filled,
    ...(baseDigest === undefined ? { baseImage } : { baseDigest }),
    ...(source === undefined ? {} : { source: source.digest }),
    ...(builderOptions === undefined ? {} : { builderOptions }),
    ...(env.length > 0 ? { env: env.map(({ name, value }) => ({ name, value })) } : {}),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(entrypoint === undefined ? {} : { entrypoint }),
  };
}

/** Puts a spec into its effective form; what is wrong with it goes to `problems`. */
export function effectiveSpec(
  spec: Spec,
  settings: Settings,
  inputs: Inputs,
  problems: Problem[],
): EffectiveSpec {
  const flytekit = spec.profile === 'Flytekit';
  checkSizes(spec, problems);
  checkRequirements(spec, problems);
  const ownBase = inputs.base?.image ?? spec.baseImage ?? settings.defaults.baseImage;
  const pythonVersion = spec.pythonVersion ?? (ownBase === undefined ? V1_PYTHON : undefined);
  const baseImage = ownBase ?? `python:${pythonVersion}-slim`;
  if (!parseReference(baseImage)) {
    problems.push({
      field: 'spec.baseImage',
      message: `${baseImage} is not an image reference; write for example python:3.12-slim`,
    });
  }
  return {
    recipe: spec.recipe,
    ...(flytekit ? { profile: 'Flytekit', flytekitId: containerIdOf(spec, inputs) } : {}),
    baseImage,
    ...given('baseDigest', inputs.base?.digest),
    platforms: sorted(spec.platforms),
    ...given('pythonVersion', pythonVersion),
    ...given('pythonExec', spec.pythonExec),
    packages: packagesOf(spec, settings, inputs, problems),
    ...given('pipIndex', spec.pipIndex),
    pipExtraIndexUrls: spec.pipExtraIndexUrls ?? [],
    pipExtraArgs: spec.pipExtraArgs ?? [],
    condaPackages: sorted(spec.condaPackages ?? []),
    condaChannels: spec.condaChannels ?? [],
    ...given('cuda', spec.cuda),
    ...given('cudnn', spec.cudnn),
    ...given('source', sourceOf(inputs)),
    ...given('uvImage', spec.builderConfig?.uvImage),
    ...given('builderOptions', optionsOf(spec)),
    aptPackages: sorted(spec.aptPackages ?? []),
    env: [...(spec.env ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1)),
    commands: spec.commands ?? [],
    ...given('entrypoint', spec.entrypoint),
    workdir: spec.workdir ?? (flytekit ? '/root' : '/app'),
    ...given('user', spec.user ?? (flytekit ? FLYTEKIT_USER : undefined)),
    labels: spec.labels ?? {},
  };
}

/** The packages in normal form; flytekit itself among them where the profile wants it and nobody names it. */
function packagesOf(spec: Spec, settings: Settings, inputs: Inputs, problems: Problem[]): string[] {
  const packages = (spec.packages ?? []).map((text, index) => {
    const read = readRequirement(text);
    if (read.ok) return read;
    problems.push({ field: `spec.packages[${index}]`, message: `${text}: ${read.message}` });
    return { name: undefined, normal: text };
  });
  const normal = packages.map((one) => one.normal);
  const lock = inputs.source?.requirements;
  const named = packages.some((one) => one.name === 'flytekit') || inputs.source?.namesFlytekit === true;
  const wanted = spec.profile === 'Flytekit' && !named && (lock === undefined || !isLock(lock.kind));
  return sorted(wanted ? [...normal, `flytekit==${settings.flytekitVersion}`] : normal);
}

const isLock = (kind: RequirementsKind) =>
  kind === 'uv.lock' || kind === 'poetry.lock' || kind === 'pylock.toml';

/** What the name of the requirements tells before the source is known: a lock file says everything, so nothing may be added to it. */
function checkRequirements(spec: Spec, problems: Problem[]): void {
  if (spec.requirements === undefined) return;
  const kind = requirementsKind(spec.requirements);
  if (kind === undefined) {
    problems.push({ field: 'spec.requirements', message: unknownKind(spec.requirements) });
    return;
  }
  if (isLock(kind) && (spec.packages ?? []).length > 0) {
    problems.push({
      field: 'spec.packages',
      message: `a lock file says which packages there are: take packages out, or lock them into ${spec.requirements}`,
    });
  }
  if (isLock(kind) && (spec.condaPackages ?? []).length > 0) {
    problems.push({
      field: 'spec.condaPackages',
      message: `a lock file goes into an environment of its own: take condaPackages or requirements out`,
    });
  }
}

function checkSizes(spec: Spec, problems: Problem[]): void {
  const entrypointBytes = JSON.stringify(spec.entrypoint ?? []).length;
  if (entrypointBytes > MAX_ENTRYPOINT) {
    const size = `it comes to ${Math.ceil(entrypointBytes / 1024)} KiB as JSON, and at most ${MAX_ENTRYPOINT / 1024} KiB fit a line`;
    problems.push({
      field: 'spec.entrypoint',
      message: `${size}; put the rest into a script, by spec.commands`,
    });
  }
  if (JSON.stringify(spec.builderOptions ?? {}).length > MAX_OPTIONS) {
    problems.push({ field: 'spec.builderOptions', message: `write at most ${MAX_OPTIONS / 1024} KiB` });
  }
}

function sourceOf({ source }: Inputs): EffectiveSpec['source'] {
  if (source === undefined) return undefined;
  const { digest, copied, requirements } = source;
  return { digest, copied, ...given('requirements', requirements) };
}

function optionsOf({ builderOptions }: Spec): EffectiveSpec['builderOptions'] {
  const options = builderOptions as Record<string, Json> | undefined;
  return options && Object.keys(options).length > 0 ? options : undefined;
}

/** `{[key]: value}`, or nothing where the value is undefined. */
function given<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}

const sorted = (list: readonly string[]) => [...new Set(list)].sort();
