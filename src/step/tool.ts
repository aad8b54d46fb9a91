/** Programs out of tool images, for engines that cannot mount an image into a step. */
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FailureReason } from '../api/reasons.ts';
import type { NoAnswer } from '../api/registry-answer.ts';
import type { ImageReference } from '../image/reference.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import { ArchiveError, Layers } from '../source/archive.ts';
import { patiently } from './failure.ts';

/** Why a program cannot be had. */
export interface NotSaved {
  readonly reason: FailureReason;
  readonly message: string;
}

/**
 * Writes the file at `path` of an image to `file`, to be run by this machine.
 *
 * @param path from the image's root, without a slash before it
 * @param folder for what is unpacked; it is gone afterwards
 * @returns undefined, or why it cannot be had
 */
export async function saveProgram(
  registry: RegistryClient,
  image: ImageReference,
  path: string,
  file: string,
  folder: string,
): Promise<NotSaved | undefined> {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const found = await patiently(() => registry.layersOf(image, `linux/${architecture}`));
  if (found.kind !== 'present') return unsaved(found, `it is not there for linux/${architecture}`);
  const layers = new Layers(join(folder, 'files'));
  try {
    for (const layer of found.layers) {
      const archive = join(folder, 'layer');
      const saved = await patiently(() => registry.saveBlob(image, layer, archive));
      if (saved.kind !== 'present') return unsaved(saved, 'a layer of it is not there');
      await layers.addArchive(archive);
    }
    const entry = layers.tree().entries.get(path);
    if (entry?.kind !== 'file') return failed(`it has no file /${path}`);
    mkdirSync(dirname(file), { recursive: true });
    const descriptor = openSync(file, 'w', 0o755);
    for (const piece of entry.content()) writeFileSync(descriptor, piece);
    closeSync(descriptor);
    return undefined;
  } catch (error) {
    if (error instanceof ArchiveError) return failed(error.message);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const failed = (message: string): NotSaved => ({ reason: 'BuildFailed', message });

function unsaved(answer: NoAnswer, absent: string): NotSaved {
  if (answer.kind === 'absent') return failed(absent);
  const reason = answer.kind === 'denied' ? 'RegistryDenied' : 'RegistryUnreachable';
  return { reason, message: answer.message };
}
