/**
 * The build context: all that a build pod gets to know, as one JSON annotation of its template.
 *
 * The operator writes it, `prepare` reads it through the downward API. It holds no secret. An annotation
 * because it shows in `kubectl get job -o yaml`, goes with the Job, and, unlike args and env, is neither
 * expanded nor limited to 128 KiB a string.
 */
import { z } from 'zod';
import { recipeOf } from '../image/recipe.ts';
import { printReference } from '../image/reference.ts';
import type { Problem, Target } from '../image/target.ts';
import type { Settings } from '../settings.ts';

/** All annotations of an object may hold 256 KiB; the rest is left to others. */
export const MAX_CONTEXT_BYTES = 200 * 1024;

export const buildContextSchema = z.object({
  version: z.literal(1),
  /** host/repository:tag, as users know it. */
  image: z.string(),
  specHash: z.string(),
  platform: z.string(),
  engine: z.enum(['BuildKit']),
  /** Base image as the spec names it. */
  base: z.string(),
  /** spec.user; without it the base's own user is kept. */
  user: z.string().optional(),
  /** The image with the uv binary, where the recipe needs one. */
  uv: z.string().optional(),
  /** Nothing an earlier build left in a cache is good enough. */
  fresh: z.literal(true).optional(),
  dockerfile: z.string(),
  files: z.record(z.string(), z.string()),
  args: z.record(z.string(), z.string()),
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
export type BuildContext = z.output<typeof buildContextSchema>;

/** Makes the context of a target, or says which part of the spec is too large. */
export function buildContextOf(
  target: Target,
  settings: Settings,
): { ok: true; context: BuildContext } | { ok: false; problems: Problem[] } {
  const { effective, spec } = target;
  const recipe = recipeOf(target);
  const context: BuildContext = {
    version: 1,
    image: printReference(target.image),
    specHash: target.specHash,
    platform: effective.platforms[0] as string,
    engine: target.builder.engine,
    base: effective.baseImage,
    ...(effective.user === undefined ? {} : { user: effective.user }),
    ...(recipe.needsUv ? { uv: settings.toolImages.uv } : {}),
    dockerfile: recipe.dockerfile,
    files: recipe.files,
    args: recipe.args,
    registries: settings.registries.map(({ host, endpoint, insecure, mirrors }) => ({
      host,
      endpoint,
      insecure,
      mirrors,
    })),
    ...(settings.caBundle === undefined ? {} : { caBundle: settings.caBundle }),
    ...(settings.proxy === undefined ? {} : { proxy: settings.proxy }),
  };
  const bytes = byteLength(context);
  if (bytes <= MAX_CONTEXT_BYTES) return { ok: true, context };
  const fields = ['packages', 'aptPackages', 'env', 'commands', 'labels', 'entrypoint'] as const;
  const sizes = fields.map((field) => ({ field, bytes: byteLength(spec[field] ?? '') }));
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

const byteLength = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
