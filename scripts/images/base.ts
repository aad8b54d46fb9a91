/**
 * The base image of the local cluster: a stand-in for `python:3.11-slim` made from Debian packages alone.
 *
 * It behaves as the real one where builds can tell: `python`, `python3` and `python3.11` are on PATH, pip
 * and uv may install into the system, the locale is UTF-8. It trusts the public certificate authorities
 * only, never this machine's own.
 */
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap, inside } from './debian.ts';
import { keptImage } from './kept.ts';
import { layerFromFolder } from './layer.ts';
import { DEBIAN_PATH } from './writer.ts';

/** The environment of its containers, and of those of images made from it. */
export const BASE_ENVIRONMENT = [DEBIAN_PATH, 'LANG=C.UTF-8'];

const PACKAGES = ['ca-certificates', 'python3', 'python3-venv', 'curl'];

/** Layers fix file times, which usual bytecode is checked against; this kind is not checked. */
const COMPILE = 'python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3.11';

/** The archive of the base image. */
export async function baseImage(): Promise<string> {
  return await keptImage({
    part: 'image-base',
    about: { title: 'Making the base image', usually: '1 to 2 min' },
    sources: ['base.ts', 'debian.ts'],
    reference: 'docker.io/library/python:3.11-slim',
    config: { Env: BASE_ENVIRONMENT, Cmd: ['python3'] },
    layers: async (work) => {
      const tree = join(work, 'tree');
      await mkdir(tree);
      await bootstrap(tree, PACKAGES);
      await rm(join(tree, 'usr/lib/python3.11/EXTERNALLY-MANAGED'));
      for (const name of ['python', 'python3', 'python3.11']) {
        await symlink('/usr/bin/python3.11', join(tree, 'usr/local/bin', name));
      }
      await inside(tree, COMPILE);
      return [await layerFromFolder(tree, join(work, 'layer.tar.gz'))];
    },
  });
}
