/**
 * The Kaniko image: a stand-in for `ghcr.io/osscontainertools/kaniko`, made from the executor that the caller
 * compiled.
 *
 * As upstream's it has the executor and no shell. It has no certificates: the build pods bring theirs.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOfFile } from './digest.ts';
import { keptImage } from './kept.ts';
import { layerFromEntries } from './layer.ts';

/** The release the operator's default builder names. The one compiled is an older relative of it. */
export const KANIKO_VERSION = 'v1.28.3';

/** The archive of the Kaniko image. @param executor path of a static binary */
export async function kanikoImage(executor: string): Promise<string> {
  return await keptImage({
    part: 'image-kaniko',
    about: { title: 'Making the Kaniko image', usually: '10 s' },
    sources: ['kaniko.ts'],
    inputs: [await digestOfFile(executor)],
    reference: `ghcr.io/osscontainertools/kaniko:${KANIKO_VERSION}`,
    config: {
      Env: [
        ...['HOME=/root', 'USER=root', 'PATH=/usr/local/bin:/kaniko'],
        ...['SSL_CERT_DIR=/kaniko/ssl/certs', 'DOCKER_CONFIG=/kaniko/.docker/'],
      ],
      Entrypoint: ['/kaniko/executor'],
      WorkingDir: '/workspace',
    },
    layers: async (work) => {
      const { size } = await stat(executor);
      const program = { size, open: () => createReadStream(executor) };
      const entries = [
        { name: 'etc', type: 'directory' as const },
        { name: 'etc/nsswitch.conf', contents: 'hosts: files dns\n' },
        { name: 'kaniko', type: 'directory' as const, mode: 0o777 },
        { name: 'kaniko/.docker', type: 'directory' as const },
        { name: 'kaniko/executor', mode: 0o755, contents: program },
        { name: 'workspace', type: 'directory' as const },
      ];
      return [await layerFromEntries(entries, join(work, 'layer.tar.gz'))];
    },
  });
}
