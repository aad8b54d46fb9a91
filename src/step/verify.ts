/**
 * The step after the engine: asks the registry for what the engine says it pushed, with the tenant's own
 * credentials, and reports digest and times.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BuildResult, buildResultSchema } from '../api/build-result.ts';
import { buildContextSchema } from '../build/context.ts';
import { PATHS } from '../build/engine.ts';
import { ENGINES } from '../build/engines.ts';
import { noAnswer, StepError } from './failure.ts';
import { preparedCredentials, readContext, referenceOf, registryFor, secondsOf } from './pod.ts';

/** Registries may take a moment to show what was pushed. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 1000;

export async function verify(): Promise<BuildResult> {
  const begun = Date.now();
  const context = readContext(buildContextSchema);
  const image = referenceOf(context.image);
  const result = existsSync(PATHS.result) ? readFileSync(PATHS.result, 'utf8') : '';
  const digest = ENGINES[context.engine].digestOf(result);
  if (digest === undefined)
    throw new StepError(
      'BuildFailed',
      'the engine ended well, but its file result names no digest it pushed',
    );

  const registry = registryFor(context, preparedCredentials());
  for (;;) {
    const answer = await registry.digestOf(image);
    if (answer.kind === 'present' && answer.digest === digest) break;
    if (answer.kind === 'denied' || Date.now() - begun > PATIENCE_MS) {
      if (answer.kind === 'present') {
        throw new StepError(
          'BuildFailed',
          `${context.image} is ${answer.digest} in the registry, not the ${digest} that was pushed`,
        );
      }
      throw noAnswer(answer, context.image, 'RegistryUnreachable');
    }
    await sleep(PAUSE_MS);
  }
  await registry.close();
  return {
    digest,
    base: baseIn(readFileSync(join(PATHS.work, 'base.json'), 'utf8')),
    seconds: {
      prepare: between(markOf('prepare.begin'), markOf('prepare.end')),
      build: buildSeconds(),
      verify: secondsOf(Date.now() - begun),
    },
  };
}

/** What `prepare` wrote there. What runs in a build may write there too: nothing else of it is passed on. */
export function baseIn(text: string): BuildResult['base'] {
  try {
    return buildResultSchema.shape.base.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Engines without a shell leave no marks: they begin after `prepare` and end with their result. */
function buildSeconds(): number {
  if (existsSync(markOf('build.end'))) return between(markOf('build.begin'), markOf('build.end'));
  return between(markOf('prepare.end'), PATHS.result);
}

const markOf = (name: string) => join(PATHS.times, name);

function between(begin: string, end: string): number {
  return secondsOf(Math.max(0, statSync(end).mtimeMs - statSync(begin).mtimeMs));
}
