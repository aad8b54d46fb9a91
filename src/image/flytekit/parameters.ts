/**
 * What a spec is in flytekit's own words: the parameters of `flytekit.ImageSpec` that its hashes count.
 *
 * Absent is Python's None, which is left out of every hash; what is empty counts. The native fields `source`,
 * `user`, `workdir` and `labels` have no word there, and where flytekit has only a text, a list is joined.
 */
import type { Spec } from '../../api/image-spec.ts';
import type { Json } from '../hash.ts';
import { byCodePoint, type Dict, type Value } from './python.ts';

/** In the order in which flytekit declares them, which is hashed. `builder`, `pip_secret_mounts` and `runtime_packages` are in no hash. */
const PARAMETERS = [
  'name',
  'python_version',
  'source_root',
  'env',
  'registry',
  'packages',
  'conda_packages',
  'conda_channels',
  'requirements',
  'apt_packages',
  'cuda',
  'cudnn',
  'base_image',
  'platform',
  'pip_index',
  'pip_extra_index_url',
  'pip_extra_args',
  'registry_config',
  'entrypoint',
  'commands',
  'tag_format',
  'source_copy_mode',
  'copy',
  'python_exec',
  'builder_options',
  'builder_config',
] as const;

/** As flytekit holds them after its own defaulting: name and registry in lower case, platform set. */
export type Parameters = { readonly [P in (typeof PARAMETERS)[number]]?: Value | undefined } & {
  readonly name: string;
};

/** The dict that flytekit prints and hashes; a nested ImageSpec is one too. */
export function asDict(parameters: Parameters): Dict {
  return dictOf(PARAMETERS.map((name) => [name, parameters[name]]));
}

function dictOf(entries: readonly (readonly [string, Value | undefined])[]): Dict {
  return new Map(entries.filter((entry): entry is [string, Value] => entry[1] !== undefined));
}

/** Members of flytekit's enum CopyFileDetection, as Python prints them. */
const COPY_MODES = {
  All: { printed: '<CopyFileDetection.ALL: 2>' },
  NoCopy: { printed: '<CopyFileDetection.NO_COPY: 3>' },
};

/**
 * The parameters of a spec of profile Flytekit.
 *
 * @param base what stands for its base: an image's name, or the parameters of a nested ImageSpec
 */
export function parametersOf(spec: Spec, base: Value | undefined = spec.baseImage): Parameters {
  return {
    name: nameOf(spec),
    python_version: spec.pythonVersion,
    source_root: spec.sourceRoot,
    env: spec.env && new Map(spec.env.map(({ name, value }) => [name, value])),
    registry: spec.registry?.toLowerCase(),
    packages: spec.packages,
    conda_packages: spec.condaPackages,
    conda_channels: spec.condaChannels,
    requirements: spec.requirements,
    apt_packages: spec.aptPackages,
    cuda: spec.cuda,
    cudnn: spec.cudnn,
    base_image: base,
    platform: spec.platforms[0],
    pip_index: spec.pipIndex,
    pip_extra_index_url: spec.pipExtraIndexUrls,
    pip_extra_args: spec.pipExtraArgs?.join(' '),
    entrypoint: spec.entrypoint,
    commands: spec.commands,
    // The schema's default cannot be told from the same text written out; flytekit counts only the latter.
    tag_format: spec.tagFormat === '{spec_hash}' ? undefined : spec.tagFormat,
    source_copy_mode: spec.sourceCopyMode && COPY_MODES[spec.sourceCopyMode],
    copy: spec.copy,
    python_exec: spec.pythonExec,
    builder_options: spec.builderOptions && fromJson(spec.builderOptions as Json),
    builder_config:
      spec.builderConfig &&
      dictOf([
        ['uv_image', spec.builderConfig.uvImage],
        ['micromamba_image', spec.builderConfig.micromambaImage],
      ]),
  };
}

/** The name of the image under profile Flytekit. */
export const nameOf = (spec: Pick<Spec, 'name'>): string => spec.name ?? 'flytekit';

/** Keys in the order in which the API server gives them back, whatever the order in which they were written. */
function fromJson(value: Json): Value {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const entries = Object.entries(value as Record<string, Json>).sort(([a], [b]) => byCodePoint(a, b));
  return new Map(entries.map(([key, item]) => [key, fromJson(item)]));
}
