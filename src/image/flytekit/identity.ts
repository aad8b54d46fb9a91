/**
 * The identity that flytekit gives an image: the id by which a container knows it, the tag, the whole name.
 *
 * The rules are those of `ImageSpec.id`, `ImageSpec.tag` and `ImageSpec.image_name` of flytekit 1.16.31: md5 over
 * the printed parameters. In the id, paths and a nested ImageSpec count as they are written; in the tag, files count
 * by content and a nested ImageSpec by its image's name.
 */
import { createHash } from 'node:crypto';
import type { Spec } from '../../api/image-spec.ts';
import type { BaseSpec, FlytekitDigests, Inputs } from '../inputs.ts';
import { parseReference, printReference } from '../reference.ts';
import { asDict, type Parameters, parametersOf } from './parameters.ts';
import { repr } from './python.ts';

/** `ImageSpec.id`: 22 characters of base64 for URLs. */
export function idOf(parameters: Parameters): string {
  return createHash('md5')
    .update(repr(asDict(parameters)), 'utf8')
    .digest('base64url');
}

/**
 * `ImageSpec.tag`.
 *
 * @param digests of the files that the parameters name
 * @param base the name of the image of a nested ImageSpec
 */
export function tagOf(parameters: Parameters, digests: FlytekitDigests = {}, base?: string): string {
  const id = idOf({
    ...parameters,
    ...(base === undefined ? {} : { base_image: base }),
    ...(digests.requirements === undefined ? {} : { requirements: digests.requirements }),
    ...(digests.copy === undefined ? {} : { copy: digests.copy }),
    ...(digests.sourceRoot === undefined ? {} : { source_root: digests.sourceRoot }),
    registry_config: undefined,
  });
  const hash = id.replaceAll('-', '_');
  const format = parameters.tag_format;
  return typeof format === 'string' && format !== '' ? format.replaceAll('{spec_hash}', hash) : hash;
}

/** `ImageSpec.image_name()`. */
export function imageNameOf({ registry, name }: Parameters, tag: string): string {
  return typeof registry === 'string' && registry !== '' ? `${registry}/${name}:${tag}` : `${name}:${tag}`;
}

/** What a container of the image computes as the id of its ImageSpec; the image says it in `_F_IMG_ID`. */
export function containerIdOf(spec: Spec, { base }: Inputs): string {
  return idOf(asWritten(spec, base));
}

/**
 * The tag of the image of a spec of profile Flytekit.
 *
 * @throws Error when a source was resolved without flytekit's own digests of it
 */
export function flytekitTagOf(spec: Spec, { base, source }: Inputs): string {
  if (source !== undefined && source.flytekit === undefined) {
    throw new Error('The source was resolved without the digests that profile Flytekit counts');
  }
  return tagOf(parametersOf(spec), source?.flytekit, base && baseNameOf(base));
}

/** A spec as its user writes it in Python: over an ImageSpec of the same profile as one within the other. */
function asWritten(spec: Spec, base: BaseSpec | undefined): Parameters {
  if (base === undefined) return parametersOf(spec);
  const nested = base.spec?.profile === 'Flytekit' ? asDict(asWritten(base.spec, base.base)) : base.name;
  return parametersOf(spec, nested);
}

/** The name by which a base enters the tag: as flytekit writes it, on Docker Hub without docker.io. */
function baseNameOf({ name, spec }: BaseSpec): string {
  if (spec?.profile !== 'Flytekit') return name;
  const own = spec.baseImage === undefined ? undefined : parseReference(spec.baseImage);
  // A builder that builds nothing gives the base's own base, which flytekit names as it is written.
  if (spec.baseImage !== undefined && own && printReference(own) === name) return spec.baseImage;
  return imageNameOf(parametersOf(spec), name.slice(name.lastIndexOf(':') + 1));
}
