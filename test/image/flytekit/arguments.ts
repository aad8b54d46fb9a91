/** Constructor arguments of flytekit's ImageSpec, and the identity that we give them. */
import { idOf, imageNameOf, tagOf } from '../../../src/image/flytekit/identity.ts';
import { asDict, type Parameters } from '../../../src/image/flytekit/parameters.ts';
import type { Value } from '../../../src/image/flytekit/python.ts';
import type { FlytekitDigests } from '../../../src/image/inputs.ts';

/** By flytekit's names; `base_image` may be arguments itself. */
export type Arguments = { readonly [name: string]: Value | Arguments | undefined };

export const isArguments = (value: Value | Arguments | undefined): value is Arguments =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Map) &&
  !('printed' in value);

/** The parameters as flytekit holds them once the object is made. */
export function held({ name, registry, platform, base_image: base, ...rest }: Arguments): Parameters {
  return {
    ...(rest as Record<string, Value>),
    name: String(name ?? 'flytekit').toLowerCase(),
    platform: (platform as Value) ?? 'linux/amd64',
    registry: typeof registry === 'string' ? registry.toLowerCase() : undefined,
    base_image: isArguments(base) ? asDict(held(base)) : base,
  };
}

export interface Identity {
  readonly id: string;
  readonly tag: string;
  readonly imageName: string;
}

/** @param digests of the files that the arguments name; not those of a nested ImageSpec */
export function identityOf(given: Arguments, digests: FlytekitDigests = {}): Identity {
  const parameters = held(given);
  const base = isArguments(given.base_image) ? identityOf(given.base_image).imageName : undefined;
  const tag = tagOf(parameters, digests, base);
  return { id: idOf(parameters), tag, imageName: imageNameOf(parameters, tag) };
}

/** Plain data as constructor arguments. */
export function argumentsFrom({ env, ...rest }: { [name: string]: unknown }): Arguments {
  const dict = env === undefined ? {} : { env: new Map(Object.entries(env as Record<string, string>)) };
  return { ...(rest as Record<string, Value>), ...dict };
}
