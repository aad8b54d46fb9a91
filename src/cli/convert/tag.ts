/** The tag that flytekit computes for its own YAML: what a converted ImageSpec of profile Flytekit must have too. */
import { imageNameOf, tagOf } from '../../image/flytekit/identity.ts';
import type { Parameters } from '../../image/flytekit/parameters.ts';
import type { Value } from '../../image/flytekit/python.ts';
import type { FlytekitDigests } from '../../image/inputs.ts';
import type { YamlDocument } from '../documents.ts';
import type { Path } from './parameter.ts';

/**
 * The name of the image as `ImageSpec(**yaml.safe_load(file)).image_name()` gives it.
 *
 * @param path of the mapping in the document
 * @param base the name of the image of a nested ImageSpec
 * @param copyMode the member of Python's enum, which YAML cannot hold
 */
export function flytekitName(
  document: YamlDocument,
  path: Path,
  digests: FlytekitDigests | undefined,
  base: string | undefined,
  copyMode: Value | undefined,
): string {
  const written = path.reduce<unknown>(
    (value, key) => (value as Map<unknown, unknown>).get(key),
    document.ordered(),
  );
  const given: Record<string, Value> = {};
  for (const [key, one] of written as Map<string, unknown>) {
    if (one === null || (key === 'base_image' && base !== undefined)) continue;
    given[key] = python(document, [...path, key], one);
  }
  const parameters: Parameters = {
    platform: 'linux/amd64',
    ...given,
    name: lower(given.name) ?? 'flytekit',
    registry: lower(given.registry),
    source_copy_mode: copyMode,
  };
  return imageNameOf(parameters, tagOf(parameters, digests, base));
}

const lower = (value: Value | undefined) => (typeof value === 'string' ? value.toLowerCase() : undefined);

/** A value of YAML as PyYAML gives it: a number with a point or an exponent is a float, whatever its value. */
function python(document: YamlDocument, path: Path, value: unknown): Value {
  if (Array.isArray(value)) return value.map((item, index) => python(document, [...path, index], item));
  if (value instanceof Map) {
    return new Map(
      [...value].map(([key, item]) => [String(key), python(document, [...path, String(key)], item)]),
    );
  }
  const written = document.writtenAt(path) ?? '';
  if (Number.isInteger(value) && /[.eE]/.test(written)) return { printed: `${value}.0` };
  // Python's integers have no end.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return { printed: written };
  return value as Value;
}
