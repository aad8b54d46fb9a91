/**
 * The step `build` where the engine runs elsewhere: waits for `prepare`, runs the engine's client, and then is the step
 * `verify` too.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { BuildResult } from '../api/build-result.ts';
import { PATHS } from '../build/engine.ts';
import { prepared } from './turn.ts';
import { verify } from './verify.ts';

export async function build(): Promise<BuildResult> {
  await prepared();
  const { status } = spawnSync('sh', [join(PATHS.work, 'build.sh')], { stdio: 'inherit' });
  // What went wrong is in the termination message already.
  if (status !== 0) process.exit(1);
  return await verify();
}
