/**
 * The BuildKit image: a stand-in for `moby/buildkit:*-rootless`, made from Debian packages on top of the
 * base image and from the daemon and client that the caller compiled.
 *
 * Debian's newuidmap and newgidmap are setuid, which a pod without root cannot use; as upstream's they get
 * the one file capability each needs instead.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readImage } from './archive.ts';
import { BASE_ENVIRONMENT, baseImage } from './base.ts';
import { changesBetween, snapshot, whiteouts } from './changes.ts';
import { inside } from './debian.ts';
import { digestOfFile } from './digest.ts';
import { keptImage } from './kept.ts';
import { layerFromEntries, layerFromFolder, unpack } from './layer.ts';

/** The release the operator's default builder names; the cluster's Go module requires the same. */
export const BUILDKIT_VERSION = 'v0.32.2';

/** The paths of two static binaries. */
export interface BuildkitPrograms {
  readonly buildkitd: string;
  readonly buildctl: string;
}

const RUNTIME = '/run/user/1000';

const INSTALL = `
apt-get update -qq -o Acquire::Retries=3
apt-get install -y -qq -o Acquire::Retries=3 --no-install-recommends runc uidmap rootlesskit git libcap2-bin
apt-get clean
chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap
setcap cap_setuid=ep /usr/bin/newuidmap
setcap cap_setgid=ep /usr/bin/newgidmap
groupadd -g 1000 user
useradd -m -u 1000 -g 1000 user
echo user:100000:65536 | tee /etc/subuid > /etc/subgid
mkdir -p ${RUNTIME} /home/user/.local/share/buildkit /home/user/.local/tmp
chown -R 1000:1000 ${RUNTIME} /home/user
chmod 755 /usr/bin/buildkitd /usr/bin/buildctl
`;

/** The archive of the BuildKit image. */
export async function buildkitImage(programs: BuildkitPrograms): Promise<string> {
  const base = await readImage(await baseImage());
  return await keptImage({
    part: 'image-buildkit',
    about: { title: 'Making the BuildKit image', usually: '1 min' },
    sources: ['buildkit.ts', 'changes.ts', 'debian.ts'],
    inputs: [base.digest, await digestOfFile(programs.buildkitd), await digestOfFile(programs.buildctl)],
    reference: `docker.io/moby/buildkit:${BUILDKIT_VERSION}-rootless`,
    config: {
      User: '1000:1000',
      Env: [
        ...BASE_ENVIRONMENT,
        ...['HOME=/home/user', 'USER=user', 'TMPDIR=/home/user/.local/tmp'],
        ...[`XDG_RUNTIME_DIR=${RUNTIME}`, `BUILDKIT_HOST=unix://${RUNTIME}/buildkit/buildkitd.sock`],
      ],
      Entrypoint: ['rootlesskit', 'buildkitd'],
    },
    layers: async (work) => {
      const tree = join(work, 'tree');
      await mkdir(tree);
      await unpack(base.layers, tree);
      const before = await snapshot(tree);
      await copyFile(programs.buildkitd, join(tree, 'usr/bin/buildkitd'));
      await copyFile(programs.buildctl, join(tree, 'usr/bin/buildctl'));
      await inside(tree, INSTALL);
      const { changed, removed } = changesBetween(before, await snapshot(tree));
      const added = await layerFromFolder(tree, join(work, 'added.tar.gz'), { paths: changed });
      const layers = [...base.layers, added];
      if (removed.length === 0) return layers;
      const gone = whiteouts(removed).map((name) => ({ name }));
      return [...layers, await layerFromEntries(gone, join(work, 'gone.tar.gz'))];
    },
  });
}
