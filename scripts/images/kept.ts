/**
 * Images and layers that are made once per set of inputs and kept in the project's cache.
 *
 * What goes in is said here and nowhere else: the scripts that make a thing are inputs too, so a changed
 * script makes its images anew.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from '../cluster/cache.ts';
import type { About } from '../cluster/progress.ts';
import { type Layer, readLayer } from './layer.ts';
import { type ImageConfig, writeImage } from './writer.ts';

/** One thing to keep. */
export interface Kept {
  /** Its name in the cache. */
  readonly part: string;
  readonly about: About;
  /** The files of this folder that decide what it contains. */
  readonly sources: readonly string[];
  /** Everything else that decides it: versions, digests of what it is made from. */
  readonly inputs?: readonly (string | Uint8Array)[];
}

/** An image to keep. */
export interface KeptImage extends Kept {
  readonly reference: string;
  readonly config: ImageConfig;
  /** Makes the layers, lowest first. The folder is for its files and gone afterwards. */
  layers(work: string): Promise<readonly Layer[]>;
}

const WRITER = ['kept.ts', 'layer.ts', 'tar.ts', 'writer.ts'];

/** The archive of an image. */
export async function keptImage(image: KeptImage): Promise<string> {
  const { reference, config } = image;
  const folder = await cached(
    image.part,
    [...(await inputsOf(image)), reference, JSON.stringify(config)],
    async (folder) => {
      await inWorkFolder(folder, async (work) =>
        writeImage(join(folder, 'image.tar'), reference, await image.layers(work), config),
      );
    },
    image.about,
  );
  return join(folder, 'image.tar');
}

/** A layer that several images, or the same image after an edit, are made from. */
export async function keptLayer(
  kept: Kept,
  make: (work: string, file: string) => Promise<unknown>,
): Promise<Layer> {
  const folder = await cached(
    kept.part,
    await inputsOf(kept),
    (folder) => inWorkFolder(folder, (work) => make(work, join(folder, 'layer.tar.gz'))),
    kept.about,
  );
  return await readLayer(join(folder, 'layer.tar.gz'));
}

async function inWorkFolder(folder: string, make: (work: string) => Promise<unknown>): Promise<void> {
  process.umask(0o022); // what is made here is for everyone to read, whatever the caller's habits
  const work = join(folder, 'work');
  await mkdir(work);
  await make(work);
  await rm(work, { recursive: true });
}

async function inputsOf({ sources, inputs = [] }: Kept): Promise<(string | Uint8Array)[]> {
  const scripts = [...sources, ...WRITER].map((name) => readFile(join(import.meta.dirname, name)));
  return [...(await Promise.all(scripts)), ...inputs];
}
