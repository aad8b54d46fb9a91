/**
 * From what the user wrote to what is to exist: the effective spec, its hash, its image name.
 *
 * Pure. The same content has the same hash on every cluster and in every registry; defaults that belong
 * to a recipe are frozen with it.
 */
import type { ImageSpec, Spec } from '../api/image-spec.ts';
import { specSchema } from '../api/image-spec.ts';
import type { BuilderSetting, Settings } from '../settings.ts';
import { canonicalJson, sha256 } from './hash.ts';
import { type ImageReference, isRepository, isTag, parseReference, splitHost } from './reference.ts';
import { readRequirement } from './requirement.ts';

/** Python of recipe v1 where neither a version nor a base is named. Part of the hash: never change it. */
const V1_PYTHON = '3.11';

/** A Dockerfile's line has 65535 bytes; \u escapes may make six of one. */
const MAX_ENTRYPOINT = 10 * 1024;

/** Everything that decides the content of an image, after defaulting and in normal form. */
export interface EffectiveSpec {
  readonly recipe: 'v1';
  readonly baseImage: string;
  readonly platforms: readonly string[];
  readonly pythonVersion?: string;
  readonly packages: readonly string[];
  readonly aptPackages: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly commands: readonly string[];
  /** Absent keeps the base's entrypoint, empty removes it. */
  readonly entrypoint?: readonly string[];
  readonly workdir: string;
  readonly user?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What one ImageSpec asks for. */
export interface Target {
  readonly spec: Spec;
  readonly effective: EffectiveSpec;
  /** 64 hex digits over the effective spec. */
  readonly specHash: string;
  /** Where the image belongs, with tag and without digest. */
  readonly image: ImageReference & { readonly tag: string };
  readonly builder: BuilderSetting;
}

/** One thing the user must change; `field` as in `spec.packages[0]`. */
export interface Problem {
  readonly field: string;
  readonly message: string;
}

export type Judged =
  | { readonly ok: true; readonly target: Target }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Judges an ImageSpec and says what it asks for, or everything that is wrong with it. */
export function targetOf(object: Pick<ImageSpec, 'metadata' | 'spec'>, settings: Settings): Judged {
  const parsed = specSchema.safeParse(object.spec);
  if (!parsed.success) {
    return {
      ok: false,
      problems: parsed.error.issues.map((issue) => ({
        field: fieldOf(['spec', ...issue.path]),
        message: issue.message,
      })),
    };
  }
  const spec = parsed.data;
  const problems: Problem[] = [];
  const effective = effectiveSpec(spec, settings, problems);
  const builder = chooseBuilder(spec, settings, problems);
  const specHash = hashOf(effective);
  const image = imageOf(object.metadata.name, spec, settings, specHash, problems);
  if (problems.length > 0 || !builder || !image) return { ok: false, problems };
  return { ok: true, target: { spec, effective, specHash, image, builder } };
}

/** The native hash: 64 hex digits. What is empty is left out, so that new fields never rename images. */
export function hashOf(effective: EffectiveSpec): string {
  const { entrypoint, env, labels, ...rest } = effective;
  const filled = Object.fromEntries(
    Object.entries(rest).filter(([, value]) => !Array.isArray(value) || value.length > 0),
  ) as Record<string, string | string[]>;
  return sha256(
    canonicalJson({
      ...filled,
      ...(env.length > 0 ? { env: env.map(({ name, value }) => ({ name, value })) } : {}),
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      ...(entrypoint === undefined ? {} : { entrypoint }),
    }),
  );
}

function effectiveSpec(spec: Spec, settings: Settings, problems: Problem[]): EffectiveSpec {
  const packages = (spec.packages ?? []).map((text, index) => {
    const read = readRequirement(text);
    if (read.ok) return read.normal;
    problems.push({ field: `spec.packages[${index}]`, message: `${text}: ${read.message}` });
    return text;
  });
  const entrypointBytes = JSON.stringify(spec.entrypoint ?? []).length;
  if (entrypointBytes > MAX_ENTRYPOINT) {
    const size = `it comes to ${Math.ceil(entrypointBytes / 1024)} KiB as JSON, and at most ${MAX_ENTRYPOINT / 1024} KiB fit a line`;
    problems.push({
      field: 'spec.entrypoint',
      message: `${size}; put the rest into a script, by spec.commands`,
    });
  }
  const ownBase = spec.baseImage ?? settings.defaults.baseImage;
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
    baseImage,
    platforms: sorted(spec.platforms),
    ...(pythonVersion === undefined ? {} : { pythonVersion }),
    packages: sorted(packages),
    aptPackages: sorted(spec.aptPackages ?? []),
    env: [...(spec.env ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1)),
    commands: spec.commands ?? [],
    ...(spec.entrypoint === undefined ? {} : { entrypoint: spec.entrypoint }),
    workdir: spec.workdir,
    ...(spec.user === undefined ? {} : { user: spec.user }),
    labels: spec.labels ?? {},
  };
}

function chooseBuilder(spec: Spec, settings: Settings, problems: Problem[]): BuilderSetting | undefined {
  if (spec.builder === undefined) return [...settings.builders].sort((a, b) => b.priority - a.priority)[0];
  const found = settings.builders.find((builder) => builder.name === spec.builder);
  if (!found) {
    const known = settings.builders.map((builder) => builder.name).join(', ');
    problems.push({
      field: 'spec.builder',
      message: `there is no builder ${spec.builder}; choose one of: ${known}`,
    });
  }
  return found;
}

function imageOf(
  objectName: string,
  spec: Spec,
  settings: Settings,
  specHash: string,
  problems: Problem[],
): Target['image'] | undefined {
  const registry = (spec.registry ?? settings.defaults.registry)?.toLowerCase();
  if (registry === undefined) {
    problems.push({
      field: 'spec.registry',
      message:
        'name the registry for the image, for example ghcr.io/acme (the operator has no default registry)',
    });
    return undefined;
  }
  const { host, path } = splitHost(registry);
  const name = spec.name ?? objectName;
  const repository = path === '' ? name : `${path}/${name}`;
  if (!isRepository(host, repository)) {
    problems.push({
      field: spec.name === undefined && isRepository(host, path || 'x') ? 'spec.name' : 'spec.registry',
      message: `${host}/${repository} is not a legal repository; use lower-case letters and digits separated by ., _, - or /, at most 255 characters`,
    });
    return undefined;
  }
  const tag = spec.tagFormat.replaceAll('{spec_hash}', specHash.slice(0, 32));
  if (!isTag(tag)) {
    problems.push({ field: 'spec.tagFormat', message: `${tag} is not a legal tag` });
    return undefined;
  }
  return { host, repository, tag };
}

/** `['spec', 'env', 0, 'name']` as `spec.env[0].name`. */
function fieldOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

const sorted = (list: readonly string[]) => [...new Set(list)].sort();
