/** An image's configuration: the part a build on top of it needs (OCI image-spec `config.md`). */
import { z } from 'zod';
import { jsonOf } from './json.ts';

/** Names follow the meaning; in the document they are `User`, `Env`, `WorkingDir`, ... under `config`. */
export interface ImageConfig {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** `user[:group]`, names or numbers; empty means root. */
  readonly user: string;
  /** `NAME=value`, in order. */
  readonly env: readonly string[];
  /** Empty means `/`. */
  readonly workdir: string;
  /** Absent and empty mean the same to a runtime; kept apart as written. */
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const strings = z.array(z.string()).nullish();

const configSchema = z.object({
  os: z.string().min(1),
  architecture: z.string().min(1),
  variant: z.string().nullish(),
  config: z
    .object({
      User: z.string().nullish(),
      Env: strings,
      WorkingDir: z.string().nullish(),
      Entrypoint: strings,
      Cmd: strings,
      Labels: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
});

/** Reads the bytes of a config; undefined when they are none. */
export function readImageConfig(body: Buffer): ImageConfig | undefined {
  const parsed = configSchema.safeParse(jsonOf(body));
  if (!parsed.success) return undefined;
  const { os, architecture, variant, config } = parsed.data;
  return {
    os,
    architecture,
    ...(variant ? { variant } : {}),
    user: config?.User ?? '',
    env: config?.Env ?? [],
    workdir: config?.WorkingDir ?? '',
    ...(config?.Entrypoint ? { entrypoint: config.Entrypoint } : {}),
    ...(config?.Cmd ? { cmd: config.Cmd } : {}),
    labels: config?.Labels ?? {},
  };
}
