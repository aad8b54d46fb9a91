/**
 * The build context: all that a build pod gets to know, as one JSON annotation of its template.
 *
 * The operator writes it, `prepare` reads it through the downward API. It holds no secret. An annotation
 * because it shows in `kubectl get job -o yaml`, goes with the Job, and, unlike args and env, is neither
 * expanded nor limited to 128 KiB a string.
 */
import { z } from 'zod';
import type { Spec } from '../api/image-spec.ts';
import { mistakesIn, sentenceOf } from '../api/mistakes.ts';
import { type Inputs, selectionOf } from '../image/inputs.ts';
import { ARGUMENTS, type Recipe, recipeOf } from '../image/recipe.ts';
import { type ImageReference, parseReference, printReference } from '../image/reference.ts';
import type { Problem, Target } from '../image/target.ts';
import type { BuilderSetting, Settings } from '../settings.ts';
import { ENGINES, type EngineName } from './engines.ts';

/** All annotations of an object may hold 256 KiB; the rest is left to others. */
export const MAX_CONTEXT_BYTES = 200 * 1024;

/** {@link Selection} */
export const selectionSchema = z.object({
  copy: z.array(z.string()).readonly(),
  copyAll: z.boolean(),
  requirements: z.string().optional(),
  sourceRoot: z.string().optional(),
  flytekit: z.literal(true).optional(),
});

/** How a pod reaches registries and the rest of the world. */
export const reachSchema = z.object({
  registries: z.array(
    z.object({
      host: z.string(),
      endpoint: z.string().optional(),
      insecure: z.boolean(),
      mirrors: z.array(z.string()),
    }),
  ),
  caBundle: z.string().optional(),
  proxy: z
    .object({ http: z.string().optional(), https: z.string().optional(), noProxy: z.array(z.string()) })
    .optional(),
});
export type Reach = z.output<typeof reachSchema>;

export function reachOf({ registries, caBundle, proxy }: Settings): Reach {
  return {
    registries: registries.map(({ host, endpoint, insecure, mirrors }) => ({
      host,
      endpoint,
      insecure,
      mirrors,
    })),
    ...(caBundle === undefined ? {} : { caBundle }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

export const buildContextSchema = reachSchema.extend({
  version: z.literal(1),
  /** host/repository:tag, as users know it. */
  image: z.string(),
  specHash: z.string(),
  platform: z.string(),
  engine: z.enum(Object.keys(ENGINES) as [EngineName]),
  dialect: z.enum(['BuildKit', 'Plain']),
  /** Base image as the spec names it. */
  base: z.string(),
  /** spec.user; without it the base's own user is kept. */
  user: z.string().optional(),
  /** Images of the recipe's tools, by the build argument that names them. */
  tools: z.record(z.string(), z.string()),
  /** Where the steps that install packages find the Secrets of spec.pipSecretMounts. */
  secretMounts: z.array(z.object({ path: z.string() })),
  /** What spec.builderOptions says, as the engine's own schema reads it. */
  options: z.record(z.string(), z.unknown()).optional(),
  /** The BuildKit daemon that builds, where there is one. */
  daemon: z
    .object({
      address: z.string(),
      /** The name in its certificate. */
      serverName: z.string(),
      /** Secret of the build's namespace with the client's certificate. */
      tlsSecret: z.string(),
      /** Keeps package caches of namespaces apart that share the daemon. */
      cacheNamespace: z.string().optional(),
    })
    .optional(),
  /** Where files come from and which are used; the context folder gets them below SOURCE and REQUIREMENTS. */
  source: z
    .object({
      kind: z.enum(['files', 'configMap', 'git', 'oci']),
      files: z.record(z.string(), z.string()).optional(),
      git: z.object({ url: z.string(), commit: z.string(), ref: z.string().optional() }).optional(),
      /** Pinned by digest. */
      oci: z.string().optional(),
      selection: selectionSchema,
      /** What the hash counted; anything else is another content. */
      digest: z.string(),
    })
    .optional(),
  /** Nothing an earlier build left in a cache is good enough. */
  fresh: z.literal(true).optional(),
  dockerfile: z.string(),
  files: z.record(z.string(), z.string()),
  args: z.record(z.string(), z.string()),
  /** Labels that the engine sets, as they do not stand in the Dockerfile. */
  labels: z.record(z.string(), z.string()),
});
export type BuildContext = z.output<typeof buildContextSchema>;

export const indexContextSchema = reachSchema.extend({
  version: z.literal(1),
  image: z.string(),
  /** The images of the platforms, in the repository of `image`. */
  parts: z.array(z.object({ platform: z.string(), image: z.string() })),
});
/** What the pod gets to know that puts the images of several platforms together. */
export type IndexContext = z.output<typeof indexContextSchema>;

export function indexContextOf(target: Target, parts: readonly Target[], settings: Settings): IndexContext {
  return {
    version: 1,
    image: printReference(target.image),
    parts: parts.map(({ effective, image }) => ({
      platform: effective.platforms[0] as string,
      image: printReference(image),
    })),
    ...reachOf(settings),
  };
}

/** Makes the context of a target, or says what is wrong with it. */
export function buildContextOf(
  target: Target,
  settings: Settings,
  inputs: Inputs = {},
  namespace = '',
): { ok: true; context: BuildContext } | { ok: false; problems: Problem[] } {
  const { effective, spec, builder } = target;
  const engine = ENGINES[builder.engine as EngineName];
  const options = engine.options.safeParse(effective.builderOptions ?? {}, { error: sentenceOf });
  const problems = [
    ...engine.refuses(target),
    ...(options.error ? mistakesIn(options.error) : []).map(({ path, message }) => ({
      field: ['spec.builderOptions', ...path].join('.'),
      message: `${message} (builder ${builder.name})`,
    })),
  ];
  if (problems.length > 0) return { ok: false, problems };

  const secretMounts = (spec.pipSecretMounts ?? []).map(({ path }) => ({ path }));
  const secretPaths = secretMounts.map(({ path }) => path);
  const dialect = engine.dialect(builder);
  const recipe = recipeOf(target, { dialect, secretPaths });
  const context: BuildContext = {
    version: 1,
    image: printReference(target.image),
    specHash: target.specHash,
    platform: effective.platforms[0] as string,
    engine: builder.engine as EngineName,
    dialect,
    base: effective.baseImage,
    ...(effective.user === undefined ? {} : { user: effective.user }),
    tools: toolsOf(recipe, target, settings),
    secretMounts,
    ...(effective.builderOptions === undefined ? {} : { options: effective.builderOptions }),
    ...(builder.daemon === undefined ? {} : { daemon: daemonOf(builder.daemon, namespace) }),
    ...(spec.source === undefined ? {} : { source: sourceOf(spec, inputs) }),
    dockerfile: recipe.dockerfile,
    files: recipe.files,
    args: recipe.args,
    labels: recipe.labels,
    ...reachOf(settings),
  };
  const bytes = byteLength(context);
  if (bytes <= MAX_CONTEXT_BYTES) return { ok: true, context };
  const sizes = Object.entries(spec).map(([field, value]) => ({ field, bytes: byteLength(value) }));
  const largest = sizes.sort((a, b) => b.bytes - a.bytes)[0]!;
  return {
    ok: false,
    problems: [
      {
        field: `spec.${largest.field}`,
        message: `the spec comes to ${Math.ceil(bytes / 1024)} KiB, ${Math.ceil(largest.bytes / 1024)} KiB of it here; together at most ${MAX_CONTEXT_BYTES / 1024} KiB fit a build`,
      },
    ],
  };
}

function daemonOf(
  { address, serverName, tlsSecret, sharedTrust }: NonNullable<BuilderSetting['daemon']>,
  namespace: string,
): NonNullable<BuildContext['daemon']> {
  return {
    address: address.replaceAll('{namespace}', namespace),
    serverName,
    tlsSecret,
    ...(sharedTrust ? { cacheNamespace: namespace } : {}),
  };
}

/** Tool images by build argument; a spec's own before the settings'. */
function toolsOf(recipe: Recipe, target: Target, settings: Settings): Record<string, string> {
  const images = { ...settings.toolImages, uv: target.effective.uvImage ?? settings.toolImages.uv };
  return Object.fromEntries(recipe.tools.map((tool) => [ARGUMENTS[tool], images[tool]]));
}

function sourceOf(spec: Spec, { source }: Inputs): NonNullable<BuildContext['source']> {
  const { files, git, oci } = spec.source ?? {};
  const selection = selectionOf(spec);
  if (!source || !selection) throw new Error('a source that was not resolved cannot be built from');
  const used = { selection, digest: source.digest };
  if (files) return { kind: 'files', files, ...used };
  if (git) {
    const { url, ref } = git;
    return { kind: 'git', git: { url, ref, commit: source.revision ?? '' }, ...used };
  }
  if (oci) {
    const image = parseReference(oci.image) as ImageReference;
    return { kind: 'oci', oci: printReference({ ...image, digest: source.revision ?? '' }), ...used };
  }
  return { kind: 'configMap', ...used };
}

const byteLength = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
