/**
 * `image NAME` makes one of the project's images, or finds it made, and prints the path of its archive as
 * the last line of stdout. What it does meanwhile goes to stderr.
 */
import { buildkit, kaniko } from './cluster/parts.ts';
import {
  baseImage,
  buildkitImage,
  kanikoImage,
  operatorImage,
  pauseImage,
  uvImage,
} from './images/images.ts';

const IMAGES = {
  operator: [
    'the operator, also the image of its build steps',
    async () => operatorImage((await buildkit()).buildctl),
  ],
  base: ['Debian with Python, in place of python:3.11-slim', baseImage],
  buildkit: ['rootless BuildKit, compiled from its Go module', async () => buildkitImage(await buildkit())],
  kaniko: ['Kaniko, compiled from its Go module', async () => kanikoImage(await kaniko())],
  uv: ['the uv program, in place of ghcr.io/astral-sh/uv', uvImage],
  pause: ["the process that holds a pod's namespaces", pauseImage],
} as const satisfies Record<string, readonly [string, () => Promise<string>]>;

const USAGE = `usage: image NAME

Makes an image without Docker and prints the path of its OCI archive.
Needs Linux, root, debootstrap and, for operator, pause, buildkit and kaniko, Go; for uv, pip.

names:
${Object.entries(IMAGES)
  .map(([name, [about]]) => `  ${name.padEnd(10)}${about}`)
  .join('\n')}

The archive is an OCI layout:
  ctr images import ARCHIVE
  skopeo copy oci-archive:ARCHIVE docker://REGISTRY/NAME:TAG`;

async function main([name, ...others]: readonly string[]): Promise<number> {
  if (name === '--help' || name === '-h') {
    console.log(USAGE);
    return 0;
  }
  if (name === undefined || !Object.hasOwn(IMAGES, name) || others.length > 0) {
    console.error(USAGE);
    return 2;
  }
  const [, make] = IMAGES[name as keyof typeof IMAGES];
  try {
    console.log(await make());
    return 0;
  } catch (error) {
    console.error(`The image ${name} could not be made: ${(error as Error).message}`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
