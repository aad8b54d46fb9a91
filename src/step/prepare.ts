/**
 * The step before the engine: writes what it reads, and finds out early what would fail late.
 *
 * The base image must exist and the image must be allowed to be pushed, before any minute is spent on
 * building it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import type { NoAnswer } from '../api/registry-answer.ts';
import type { BuildContext } from '../build/context.ts';
import { PATHS, type Prepared } from '../build/engine.ts';
import { ENGINES } from '../build/engines.ts';
import { type ImageReference, parseReference, printReference } from '../image/reference.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import { noAnswer, StepError } from './failure.ts';
import { FOLDER, mark, mergedDockerConfig, READABLE, readContext, registryFor } from './pod.ts';

/** A registry that does not answer is asked so often before the attempt is given up. */
const TRIES = 4;
const PAUSE_MS = 3000;

export async function prepare(): Promise<undefined> {
  mkdirSync(PATHS.times, { recursive: true, mode: FOLDER });
  mark('prepare.begin');
  const context = readContext();
  console.log(`preparing ${context.image} on ${context.base} for ${context.platform}`);
  write(join(PATHS.auth, 'config.json'), dockerConfig());
  write(PATHS.ca, certificates(context.caBundle));

  const registry = registryFor(context);
  await checkPush(registry, reference(context.image));
  const found = await baseOf(registry, context);
  await registry.close();

  write(join(PATHS.work, 'base.json'), JSON.stringify({ image: context.base, digest: found.digest }));
  write(join(PATHS.context, 'Dockerfile'), context.dockerfile);
  for (const [name, text] of Object.entries(context.files)) write(join(PATHS.context, name), text);
  const files = ENGINES[context.engine].files(context, found.prepared);
  for (const [name, text] of Object.entries(files)) write(join(PATHS.work, name), text);
  mark('prepare.end');
  return undefined;
}

async function baseOf(
  registry: RegistryClient,
  context: BuildContext,
): Promise<{ digest: string; prepared: Prepared }> {
  const base = reference(context.base);
  const answer = await patiently(() => registry.configOf(base, context.platform));
  if (answer.kind !== 'present') {
    if (answer.kind === 'absent') {
      const exists = await patiently(() => registry.digestOf(base));
      if (exists.kind === 'present')
        throw new StepError('BaseImageNotFound', `${context.base} exists, but not for ${context.platform}`);
    }
    throw noAnswer(answer, context.base, 'BaseImageNotFound');
  }
  const prepared = {
    base: printReference({ ...base, digest: answer.digest }),
    user: answer.config.user || '0:0',
  };
  console.log(`base ${prepared.base}`);
  return { digest: answer.digest, prepared };
}

async function checkPush(registry: RegistryClient, image: ImageReference): Promise<void> {
  const answer = await patiently(() => registry.mayPush(image));
  if (answer.kind === 'allowed') return;
  const repository = `${image.host}/${image.repository}`;
  if (answer.kind === 'absent') {
    throw new StepError(
      'RegistryDenied',
      `${repository}: no such repository, and the registry makes none on push`,
    );
  }
  throw noAnswer(answer, repository, 'RegistryDenied');
}

async function patiently<T extends { kind: string }>(
  ask: () => Promise<T | NoAnswer>,
): Promise<T | NoAnswer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask();
    if (answer.kind !== 'unavailable' || tries === TRIES) return answer;
    console.log(`${'message' in answer ? answer.message : 'no answer'}; trying again`);
    await sleep(PAUSE_MS);
  }
}

function dockerConfig(): string {
  try {
    return mergedDockerConfig();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new StepError(
      'RegistryDenied',
      `a Secret of pushSecretRef or pullSecretRefs cannot be used: ${words}`,
    );
  }
}

/** The public certificate authorities and the operator's additional ones, as one PEM file. */
function certificates(additional: string | undefined): string {
  return [systemCertificates(), ...(additional === undefined ? [] : [additional.trim(), ''])].join('\n');
}

function systemCertificates(): string {
  try {
    return readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8');
  } catch {
    return rootCertificates.join('\n');
  }
}

function reference(text: string): ImageReference {
  const read = parseReference(text);
  if (!read) throw new StepError('BuildFailed', `${text} is not an image reference`);
  return read;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: FOLDER });
  writeFileSync(file, text, { mode: READABLE });
}
