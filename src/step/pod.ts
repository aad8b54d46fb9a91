/** What the pod gives its steps: the build context, the Secrets, the place to write. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { z } from 'zod';
import type { Reach } from '../build/context.ts';
import { PATHS } from '../build/engine.ts';
import { type ImageReference, parseReference } from '../image/reference.ts';
import { type CredentialStore, firstOf, readDockerConfig } from '../registry/credentials.ts';
import { RegistryClient } from '../registry/registry-client.ts';
import { StepError } from './failure.ts';

/** All steps run as the engine's user; nobody else is in the pod. */
export const READABLE = 0o600;
export const FOLDER = 0o700;

/** @throws when the annotation is missing or was written by another version of the operator */
export function readContext<Context>(schema: z.ZodType<Context>): Context {
  return schema.parse(JSON.parse(readFileSync(join(PATHS.podinfo, 'context.json'), 'utf8')));
}

/** An image that the context names. @throws StepError when it is none */
export function referenceOf(text: string): ImageReference {
  const read = parseReference(text);
  if (!read) throw new StepError('BuildFailed', `${text} is not an image reference`);
  return read;
}

/**
 * The tenant's Secrets as one store, the push Secret first; with what of them cannot be used, in sentences.
 *
 * @throws StepError when one of them is no docker config
 */
export function tenantCredentials(): { store: CredentialStore; ignored: string[] } {
  const folders = existsSync(PATHS.secrets) ? readdirSync(PATHS.secrets) : [];
  const ordered = folders.sort((a, b) => Number(b === 'push') - Number(a === 'push') || a.localeCompare(b));
  try {
    const read = ordered.map((folder) =>
      readDockerConfig(readFileSync(join(PATHS.secrets, folder, 'config.json'), 'utf8')),
    );
    return { store: firstOf(read.map((one) => one.store)), ignored: read.flatMap((one) => one.ignored) };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new StepError(
      'RegistryDenied',
      `a Secret of pushSecretRef or pullSecretRefs cannot be used: ${words}`,
    );
  }
}

/** What `prepare` left for the engine and for `verify`. */
export function preparedCredentials(): CredentialStore {
  return readDockerConfig(readFileSync(join(PATHS.auth, 'config.json'), 'utf8')).store;
}

/** A client of the registries as this build knows them. */
export function registryFor(context: Reach, credentials: CredentialStore): RegistryClient {
  const registries = context.registries.map(({ endpoint, ...rest }) => ({
    ...rest,
    ...(endpoint === undefined ? {} : { endpoint }),
  }));
  return new RegistryClient({ registries, credentials, caBundle: context.caBundle, proxy: context.proxy });
}

/** Writes the public certificate authorities and the operator's additional ones, as one PEM file. */
export function writeCertificates(additional: string | undefined, file: string = PATHS.ca): void {
  const all = [systemCertificates(), ...(additional === undefined ? [] : [additional.trim(), ''])];
  writeFileSync(file, all.join('\n'), { mode: READABLE });
}

function systemCertificates(): string {
  try {
    return readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8');
  } catch {
    return rootCertificates.join('\n');
  }
}

/** Marks a moment; the file's time is the moment. */
export function mark(name: string): void {
  writeFileSync(join(PATHS.times, name), '', { mode: READABLE });
}

/** Milliseconds as seconds, to the hundredth. */
export const secondsOf = (milliseconds: number) => Math.round(milliseconds / 10) / 100;
