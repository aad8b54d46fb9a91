/**
 * The step before the engine: writes what it reads, and finds out early what would fail late.
 *
 * The base image must exist and the image must be allowed to be pushed, before any minute is spent on
 * building it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FailureReason } from '../api/reasons.ts';
import type { NoAnswer } from '../api/registry-answer.ts';
import { type BuildContext, buildContextSchema } from '../build/context.ts';
import { PATHS, type Prepared } from '../build/engine.ts';
import { ENGINES } from '../build/engines.ts';
import { hostOf } from '../build/registries.ts';
import { ARGUMENTS, PLAIN } from '../image/recipe.ts';
import { type ImageReference, printReference } from '../image/reference.ts';
import { type Credential, type CredentialStore, dockerConfigOf } from '../registry/credentials.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import { noAnswer, patiently, StepError } from './failure.ts';
import {
  FOLDER,
  mark,
  READABLE,
  readContext,
  referenceOf,
  registryFor,
  tenantCredentials,
  writeCertificates,
} from './pod.ts';
import { writeSource } from './source.ts';
import { saveProgram } from './tool.ts';
import { showPreparing } from './turn.ts';

/** `user[:group]`, names or numbers. */
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?$/;

export async function prepare(): Promise<undefined> {
  await showPreparing();
  mkdirSync(PATHS.times, { recursive: true, mode: FOLDER });
  mark('prepare.begin');
  const context = readContext(buildContextSchema);
  console.log(`preparing ${context.image} on ${context.base} for ${context.platform}`);
  const { store, ignored } = tenantCredentials();
  for (const sentence of ignored) console.log(`a Secret holds what cannot be used: ${sentence}`);
  write(join(PATHS.auth, 'config.json'), engineConfig(context, store));
  writeCertificates(context.caBundle);

  const registry = registryFor(context, store);
  // At once: a far registry takes its time for each question, and its token server for another one.
  const [found] = await Promise.all([
    baseOf(registry, context),
    checkPush(registry, referenceOf(context.image), ignored),
    ...Object.entries(context.tools).map(async ([argument, tool]) => {
      const place = await placeOfTool(registry, tool, context);
      // A plain Dockerfile finds uv as a file.
      if (context.dialect === 'Plain' && argument === ARGUMENTS.uv) await takeUv(registry, place);
    }),
  ]);
  if (context.source) await writeSource(context.source, registry, context);
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
  const base = referenceOf(context.base);
  const answer = await pulled(context, base, (at) => registry.configOf(at, context.platform));
  if (answer.kind !== 'present') {
    if (answer.kind === 'absent') {
      const exists = await patiently(() => registry.digestOf(base));
      if (exists.kind === 'present')
        throw new StepError('BaseImageNotFound', `${context.base} exists, but not for ${context.platform}`);
    }
    throw noAnswer(answer, context.base, 'BaseImageNotFound');
  }
  const user = userOf(context, answer.config.user);
  const prepared = { base: printReference({ ...base, digest: answer.digest }), user };
  console.log(`base ${prepared.base}`);
  return { digest: answer.digest, prepared };
}

/**
 * The user the image ends with: the base's own, as its configuration has it, where the spec names none.
 *
 * @throws StepError when that is none that can stand in a Dockerfile
 */
export function userOf({ base, user }: Pick<BuildContext, 'base' | 'user'>, written: string): string {
  const own = user ?? (written || '0:0');
  if (USER.test(own)) return own;
  const message = `the user of ${base} (${JSON.stringify(own.slice(0, 60))}) is neither a name nor a number; set spec.user`;
  throw new StepError('BuildFailed', message);
}

async function checkPush(
  registry: RegistryClient,
  image: ImageReference,
  ignored: readonly string[],
): Promise<void> {
  const answer = await patiently(() => registry.mayPush(image));
  if (answer.kind === 'allowed') return;
  const repository = `${image.host}/${image.repository}`;
  if (answer.kind === 'absent') {
    throw new StepError(
      'RegistryDenied',
      `${repository}: no such repository, and the registry makes none on push; create it there`,
    );
  }
  const { reason, message } = noAnswer(answer, repository, 'RegistryDenied');
  throw new StepError(reason, [message, ...(reason === 'RegistryDenied' ? ignored : [])].join('; '));
}

/** Asks where the engine will pull from: at the mirrors of the image's registry, then at the registry itself. */
async function pulled<T extends { kind: string }>(
  context: BuildContext,
  image: ImageReference,
  ask: (at: ImageReference) => Promise<T | NoAnswer>,
): Promise<T | NoAnswer> {
  for (const host of mirrorsOf(context, image.host)) {
    const answer = await ask({ ...image, host });
    if (answer.kind === 'present') return answer;
    console.log(`the mirror ${host} of ${image.host} cannot give ${printReference(image)}: ${answer.kind}`);
  }
  return await patiently(() => ask(image));
}

const mirrorsOf = (context: BuildContext, host: string) =>
  context.registries.find((entry) => entry.host === host)?.mirrors ?? [];

/** Where a tool's image is. It is the administrator's business: its absence is no fault of the spec. */
async function placeOfTool(
  registry: RegistryClient,
  image: string,
  context: BuildContext,
): Promise<ImageReference> {
  const ask = async (at: ImageReference) => ({ ...(await registry.digestOf(at)), at });
  const answer = await pulled(context, referenceOf(image), ask);
  if (answer.kind === 'present') return answer.at;
  const { message, reason } = noAnswer(answer, image, 'BuildFailed');
  throw noTool(reason, message);
}

async function takeUv(registry: RegistryClient, image: ImageReference): Promise<void> {
  const problem = await saveProgram(registry, image, 'uv', PLAIN.uv, PATHS.fetched);
  if (problem) throw noTool(problem.reason, `${printReference(image)}: ${problem.message}`);
}

const noTool = (reason: FailureReason, message: string) =>
  new StepError(
    reason,
    `a tool image (toolImages in the operator's settings, or spec.builderConfig) cannot be had: ${message}`,
  );

/** The credentials of just this build, under the names by which the engine reaches its registries. */
function engineConfig(context: BuildContext, store: CredentialStore): string {
  const places = new Map<string, Credential | undefined>();
  // The image last: one host can have only one login there, and without the push nothing is won.
  for (const text of [...Object.values(context.tools), context.base, context.image]) {
    const { host, repository } = referenceOf(text);
    const credential = store.credentialFor(host, repository);
    const endpoint = context.registries.find((entry) => entry.host === host)?.endpoint;
    for (const name of [host, hostOf(endpoint, host)]) places.set(name, credential ?? places.get(name));
    for (const mirror of mirrorsOf(context, host))
      places.set(mirror, store.credentialFor(mirror, repository) ?? places.get(mirror));
  }
  return dockerConfigOf(places);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: FOLDER });
  writeFileSync(file, text, { mode: READABLE });
}
