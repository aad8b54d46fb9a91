/**
 * The buildah image: Debian's buildah on top of the base image, in place of `quay.io/buildah/stable`. The operator
 * knows nothing of it; tests give it to a builder with engine Custom.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readImage } from './archive.ts';
import { BASE_ENVIRONMENT, baseImage } from './base.ts';
import { changesBetween, snapshot } from './changes.ts';
import { inside } from './debian.ts';
import { keptImage } from './kept.ts';
import { layerFromFolder, unpack } from './layer.ts';

const INSTALL = `
apt-get update -qq -o Acquire::Retries=3
apt-get install -y -qq -o Acquire::Retries=3 --no-install-recommends buildah
apt-get clean
rm -rf /var/lib/apt/lists/*
`;

/** The archive of the buildah image. */
export async function buildahImage(): Promise<string> {
  const base = await readImage(await baseImage());
  return await keptImage({
    part: 'image-buildah',
    about: { title: 'Making the buildah image', usually: '30 s' },
    sources: ['buildah.ts', 'changes.ts', 'debian.ts'],
    inputs: [base.digest],
    reference: 'quay.io/buildah/stable:v1.28',
    config: { Env: BASE_ENVIRONMENT },
    layers: async (work) => {
      const tree = join(work, 'tree');
      await mkdir(tree);
      await unpack(base.layers, tree);
      const before = await snapshot(tree);
      await inside(tree, INSTALL);
      const { changed } = changesBetween(before, await snapshot(tree));
      return [...base.layers, await layerFromFolder(tree, join(work, 'added.tar.gz'), { paths: changed })];
    },
  });
}
