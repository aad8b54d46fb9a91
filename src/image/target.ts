/**
 * From what the user wrote to what is to exist: the effective spec, its hash, its image name.
 *
 * Pure. The same content has the same hash on every cluster and in every registry; defaults that belong
 * to a recipe are frozen with it.
 */
import { type ImageSpec, type Spec, specSchema } from '../api/image-spec.ts';
import { mistakesIn, sentenceOf } from '../api/mistakes.ts';
import type { BuilderSetting, Settings } from '../settings.ts';
import { type EffectiveSpec, effectiveSpec, hashOf, type Problem } from './effective.ts';
import { flytekitTagOf } from './flytekit/identity.ts';
import { nameOf } from './flytekit/parameters.ts';
import type { Inputs } from './inputs.ts';
import { type ImageReference, isRepository, isTag, parseReference, splitHost } from './reference.ts';

export { hashOf, type Problem } from './effective.ts';

/** What one ImageSpec asks for. */
export interface Target {
  readonly spec: Spec;
  readonly effective: EffectiveSpec;
  /** 64 hex digits over the effective spec. */
  readonly specHash: string;
  /** Where the image belongs, with tag and without digest; with the engine Noop the base image as written. */
  readonly image: ImageReference;
  readonly builder: BuilderSetting;
}

export type Judged =
  | { readonly ok: true; readonly target: Target }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a spec, or says everything that is wrong with it by itself. */
export function readSpec(
  object: Pick<ImageSpec, 'spec'>,
):
  | { readonly ok: true; readonly spec: Spec }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  const parsed = specSchema.safeParse(object.spec, { error: sentenceOf });
  if (parsed.success) return { ok: true, spec: parsed.data };
  const problems = mistakesIn(parsed.error).map(({ path, message }) => ({
    field: fieldOf(['spec', ...path]),
    message,
  }));
  return { ok: false, problems };
}

/**
 * Judges an ImageSpec and says what it asks for, or everything that is wrong with it.
 *
 * @param inputs what the spec refers to, where it refers to something
 */
export function targetOf(
  object: Pick<ImageSpec, 'metadata' | 'spec'>,
  settings: Settings,
  inputs: Inputs = {},
): Judged {
  const read = readSpec(object);
  return read.ok ? targetFrom(object.metadata.name, read.spec, settings, inputs) : read;
}

/** {@link targetOf} for a spec that was read before. */
export function targetFrom(objectName: string, spec: Spec, settings: Settings, inputs: Inputs): Judged {
  const problems: Problem[] = [];
  const effective = effectiveSpec(spec, settings, inputs, problems);
  const builder = chooseBuilder(spec, settings, problems);
  checkBuilder(spec, builder, problems);
  const specHash = hashOf(effective);
  const image =
    builder?.engine === 'Noop'
      ? parseReference(effective.baseImage)
      : imageOf(objectName, spec, settings, inputs, specHash, problems);
  if (problems.length > 0 || !builder || !image) return { ok: false, problems };
  const target = { spec, effective, specHash, image, builder };
  const long = partsOf(target).find((part) => !isTag(part.image.tag ?? ''));
  if (long) {
    const message = `${long.image.tag} is not a legal tag: with several platforms the name of each is added, and a tag has at most 128 characters`;
    return { ok: false, problems: [{ field: 'spec.tagFormat', message }] };
  }
  return { ok: true, target };
}

/** The parts of a target for several platforms: one for each, with its own hash and tag. */
export function partsOf(target: Target): Target[] {
  const { platforms } = target.effective;
  if (platforms.length < 2 || target.builder.engine === 'Noop') return [];
  return platforms.map((platform) => {
    const effective = { ...target.effective, platforms: [platform] };
    const tag = `${target.image.tag}-${platform.replaceAll('/', '-')}`;
    return { ...target, effective, specHash: hashOf(effective), image: { ...target.image, tag } };
  });
}

/** What nothing is built from: the fields that only a builder that builds can heed. */
const NOT_FOR_NOOP = [
  'packages',
  'requirements',
  'condaPackages',
  'aptPackages',
  'commands',
  'copy',
  'env',
  'labels',
  'entrypoint',
  'cuda',
  'workdir',
  'user',
] as const;

function checkBuilder(spec: Spec, builder: BuilderSetting | undefined, problems: Problem[]): void {
  const noop = builder?.engine === 'Noop';
  if (noop && spec.baseImage === undefined) {
    problems.push({
      field: 'spec.baseImage',
      message: `name the image: the builder ${builder.name} builds nothing and gives the base image itself`,
    });
  }
  const unheeded = noop ? NOT_FOR_NOOP.filter((field) => !isEmpty(spec[field])) : [];
  for (const field of unheeded) {
    problems.push({
      field: `spec.${field}`,
      message: `the builder ${builder?.name} builds nothing: take ${field} out, or choose another builder`,
    });
  }
  if (spec.profile !== 'Flytekit' && !noop && !isEmpty(spec.runtimePackages)) {
    problems.push({
      field: 'spec.runtimePackages',
      message: 'put them in packages: only Flyte installs packages when a task starts (profile: Flytekit)',
    });
  }
}

const isEmpty = (value: unknown) =>
  value === undefined || (Array.isArray(value) && value.length === 0) || JSON.stringify(value) === '{}';

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
  inputs: Inputs,
  specHash: string,
  problems: Problem[],
): ImageReference | undefined {
  const registry = (spec.registry ?? settings.defaults.registry)?.toLowerCase();
  if (registry === undefined) {
    problems.push({
      field: 'spec.registry',
      message:
        'name the registry for the image, for example ghcr.io/acme; the settings of the operator name none (defaults.registry)',
    });
    return undefined;
  }
  const { host, path } = splitHost(registry);
  const flytekit = spec.profile === 'Flytekit';
  const name = flytekit ? nameOf(spec) : (spec.name ?? objectName);
  const repository = path === '' ? name : `${path}/${name}`;
  if (!isRepository(host, repository)) {
    problems.push({
      field: spec.name === undefined && isRepository(host, path || 'x') ? 'spec.name' : 'spec.registry',
      message: `${host}/${repository} is not a legal repository; use lower-case letters and digits separated by ., _, - or /, at most 255 characters`,
    });
    return undefined;
  }
  const tag = flytekit
    ? flytekitTagOf(spec, inputs)
    : spec.tagFormat.replaceAll('{spec_hash}', specHash.slice(0, 32));
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
