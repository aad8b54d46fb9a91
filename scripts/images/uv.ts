/**
 * The uv image: a stand-in for `ghcr.io/astral-sh/uv`, made from the wheel of the same release.
 *
 * The wheel for musl holds uv linked statically, so it runs in every Linux image. Its hash is pinned.
 * Needs pip.
 */

import { createReadStream } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/run.ts';
import { keptImage } from './kept.ts';
import { layerFromEntries } from './layer.ts';

/** The release; the operator's setting `toolImages.uv` names the same by default. */
export const UV_VERSION = '0.12.5';

const PLATFORM = process.arch === 'arm64' ? 'musllinux_1_1_aarch64' : 'musllinux_1_1_x86_64';

const HASHES = {
  musllinux_1_1_x86_64: 'dc14e4f81a99b585a891350c60d1ff4557d54cb3c3c81fa45fd4e0dd512ba752',
  musllinux_1_1_aarch64: '2d65b7b3bc3fd28678f62aa7fb5d90f106ad9782c1354af60b6cecdf9ea9ecd9',
};

/** The archive of the uv image: `/uv` and `/uvx`, nothing else. */
export async function uvImage(): Promise<string> {
  const requirement = `uv==${UV_VERSION} --hash=sha256:${HASHES[PLATFORM]}\n`;
  return await keptImage({
    part: 'image-uv',
    about: { title: `Fetching uv ${UV_VERSION}`, usually: '10 s' },
    sources: ['uv.ts'],
    reference: `ghcr.io/astral-sh/uv:${UV_VERSION}`,
    config: { Entrypoint: ['/uv'], WorkingDir: '/io' },
    layers: async (work) => {
      const list = join(work, 'requirements.txt');
      await writeFile(list, requirement);
      await run('python3', [
        ...['-m', 'pip', 'download', '--quiet', '--no-deps', '--require-hashes', '--requirement', list],
        ...['--only-binary=:all:', `--platform=${PLATFORM}`, `--dest=${work}`],
      ]);
      const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
      if (wheel === undefined) throw new Error(`pip downloaded no wheel of uv ${UV_VERSION}`);
      await run('python3', ['-m', 'zipfile', '-e', join(work, wheel), work]);
      const entries = ['uv', 'uvx'].map(async (name) => {
        const file = join(work, `uv-${UV_VERSION}.data`, 'scripts', name);
        const { size } = await stat(file);
        return { name, mode: 0o755, contents: { size, open: () => createReadStream(file) } };
      });
      return [await layerFromEntries(await Promise.all(entries), join(work, 'layer.tar.gz'))];
    },
  });
}
