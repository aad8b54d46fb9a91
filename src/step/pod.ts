/** What the pod gives its steps: the build context, the Secrets, the place to write. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildContext, buildContextSchema } from '../build/context.ts';
import { PATHS } from '../build/engine.ts';
import { anonymous, readDockerConfig } from '../registry/credentials.ts';
import { RegistryClient } from '../registry/registry-client.ts';

/** All steps run as the engine's user; nobody else is in the pod. */
export const READABLE = 0o600;
export const FOLDER = 0o700;

/** @throws when the annotation is missing or was written by another version of the operator */
export function readContext(): BuildContext {
  return buildContextSchema.parse(JSON.parse(readFileSync(join(PATHS.podinfo, 'context.json'), 'utf8')));
}

/**
 * The tenant's docker configs as one: later files win for a host, the push Secret is the last.
 * Only `auths` is kept: helpers are programs that do not exist here.
 */
export function mergedDockerConfig(): string {
  const folders = existsSync(PATHS.secrets) ? readdirSync(PATHS.secrets) : [];
  const ordered = folders.sort((a, b) => Number(a === 'push') - Number(b === 'push') || a.localeCompare(b));
  const auths: Record<string, unknown> = {};
  for (const folder of ordered) {
    const text = readFileSync(join(PATHS.secrets, folder, 'config.json'), 'utf8');
    readDockerConfig(text); // judges it, with a message that shows no secret
    Object.assign(auths, JSON.parse(text).auths);
  }
  return JSON.stringify({ auths });
}

/** A client with the tenant's credentials. */
export function registryFor(context: BuildContext): RegistryClient {
  const file = join(PATHS.auth, 'config.json');
  const credentials = existsSync(file) ? readDockerConfig(readFileSync(file, 'utf8')).store : anonymous;
  return new RegistryClient({
    registries: context.registries.map(({ host, endpoint, insecure, mirrors }) => ({
      host,
      insecure,
      mirrors,
      ...(endpoint === undefined ? {} : { endpoint }),
    })),
    credentials,
    caBundle: context.caBundle,
    proxy: context.proxy,
  });
}

/** Marks a moment; the file's time is the moment. */
export function mark(name: string): void {
  writeFileSync(join(PATHS.times, name), '', { mode: READABLE });
}
