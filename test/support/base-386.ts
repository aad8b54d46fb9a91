/**
 * The cluster's base image for linux/amd64 and linux/386 under one tag: programs of the second run on nodes of the
 * first, so several platforms can be built and tried without emulation.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { logFile } from '../../scripts/cluster/cache.ts';
import { run } from '../../scripts/cluster/run.ts';
import { BASE_ENVIRONMENT } from '../../scripts/images/base.ts';
import { inside, RELEASE } from '../../scripts/images/debian.ts';
import { keptLayer } from '../../scripts/images/kept.ts';
import { layerFromFolder } from '../../scripts/images/layer.ts';
import { MANIFEST, pushBlob, pushManifests } from './push-image.ts';

const REPOSITORY = 'library/python';
const TAG = '3.11-two-platforms';

/** @param registry the cluster's, which has the amd64 image already. @returns the image's name with tag */
export async function baseForTwoPlatforms(registry: string): Promise<string> {
  const target = { origin: `http://${registry}`, repository: REPOSITORY };
  const other = await fetch(`${target.origin}/v2/${REPOSITORY}/manifests/3.11-slim`, {
    headers: { accept: MANIFEST },
  });
  const amd64 = {
    digest: other.headers.get('docker-content-digest') ?? '',
    size: (await other.arrayBuffer()).byteLength,
    platform: 'linux/amd64',
  };
  const layer = await keptLayer(
    {
      part: 'layer-base-386',
      about: { title: 'Making a base image for linux/386', usually: '1 to 2 min' },
      sources: ['debian.ts'],
      inputs: [await readFile(import.meta.filename)],
    },
    makeLayer,
  );
  const digest = await pushBlob(target, await buffer(layer.open()));
  const config = JSON.stringify({
    os: 'linux',
    architecture: '386',
    config: { Env: BASE_ENVIRONMENT, Cmd: ['python3'] },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: await pushBlob(target, config),
      size: Buffer.byteLength(config),
    },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: layer.size }],
  };
  await pushManifests(target, TAG, [amd64, { manifest, platform: 'linux/386' }]);
  return `${registry}/${REPOSITORY}:${TAG}`;
}

async function makeLayer(work: string, file: string): Promise<void> {
  const tree = join(work, 'tree');
  await mkdir(tree);
  const namespaces = ['--mount', '--propagation=private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const include = '--include=ca-certificates,python3,python3-venv';
  await run(
    'unshare',
    [...namespaces, 'debootstrap', '--arch=i386', '--variant=minbase', include, RELEASE, tree],
    { log: logFile('images'), env: { LC_ALL: 'C' } },
  );
  await rm(join(tree, 'usr/lib/python3.11/EXTERNALLY-MANAGED'));
  // Its cleaning is what is wanted.
  await inside(tree, 'true');
  await layerFromFolder(tree, file);
}
