/**
 * Folders that are expensive to make, each made once per set of inputs and kept outside the repository.
 *
 * A folder appears under its name only when it is whole. Two processes that ask for the same one at the
 * same time: one makes it, the other waits and finds it made.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { exclusively } from './lock.ts';
import { type About, progress, say } from './progress.ts';

const KEPT_PER_PART = 2;
const UNFINISHED = '.unfinished-';

/** Where made things are kept: `$XDG_CACHE_HOME/imagespec-operator`, by default in `~/.cache`. */
export function cacheRoot(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'imagespec-operator');
}

/** Where long builds leave their whole output. */
export function logFile(part: string): string {
  return join(cacheRoot(), 'logs', `${part}.log`);
}

function keyOf(inputs: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const input of inputs) {
    const bytes = Buffer.from(input);
    hash.update(`${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex').slice(0, 16);
}

async function prune(folder: string): Promise<void> {
  const names = await readdir(folder);
  const entries = await Promise.all(
    names.map(async (name) => ({
      path: join(folder, name),
      usedMs: (await stat(join(folder, name))).mtimeMs,
    })),
  );
  const old = entries.sort((a, b) => b.usedMs - a.usedMs).slice(KEPT_PER_PART);
  await Promise.all(old.map(({ path }) => rm(path, { recursive: true, force: true })));
}

/**
 * The folder of `part` for exactly these `inputs`, made by `build` if it is not there yet. `build` gets an
 * empty folder to fill; if it throws, nothing is kept. The two entries of a part that were used last stay.
 */
export async function cached(
  part: string,
  inputs: readonly (string | Uint8Array)[],
  build: (folder: string) => Promise<void>,
  about: About,
): Promise<string> {
  const folder = join(cacheRoot(), part);
  const finished = join(folder, keyOf([process.platform, process.arch, ...inputs]));
  if (!existsSync(finished)) {
    await exclusively(
      join(cacheRoot(), 'locks', part),
      async () => {
        if (existsSync(finished)) return;
        await mkdir(folder, { recursive: true });
        const leftBehind = (await readdir(folder)).filter((name) => name.startsWith(UNFINISHED));
        await Promise.all(leftBehind.map((name) => rm(join(folder, name), { recursive: true, force: true })));
        const unfinished = await mkdtemp(join(folder, UNFINISHED));
        try {
          await progress(about, () => build(unfinished));
          await rename(unfinished, finished);
        } catch (error) {
          await rm(unfinished, { recursive: true, force: true });
          throw error;
        }
        await prune(folder);
      },
      () => say(`${about.title}: another process is at it; waiting (usually ${about.usually}) ...`),
    );
  }
  const now = new Date();
  await utimes(finished, now, now);
  return finished;
}
