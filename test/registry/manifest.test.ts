import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readImageConfig } from '../../src/registry/config.ts';
import {
  INDEX_TYPES,
  MANIFEST_TYPES,
  platformOf,
  platformsOf,
  readManifest,
} from '../../src/registry/manifest.ts';

const [OCI, DOCKER] = MANIFEST_TYPES;
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const entry = (letter: string, platform?: object, mediaType: string = OCI) => ({
  mediaType,
  digest: digest(letter),
  platform,
});

describe('platforms', () => {
  it.each([
    ['linux/amd64', 'linux/amd64/v1'],
    ['linux/arm64', 'linux/arm64/v8'],
    ['linux/arm64', 'linux/arm64/8'],
    ['linux/arm', 'linux/arm/v7'],
  ])('%s is %s', (one, other) => {
    expect(platformOf(one)).toBe(platformOf(other));
  });

  it.each([
    ['linux/arm/v6', 'linux/arm/v7'],
    ['linux/amd64', 'linux/amd64/v2'],
    ['linux/amd64', 'linux/arm64'],
    ['linux/amd64', 'windows/amd64'],
  ])('%s is not %s', (one, other) => {
    expect(platformOf(one)).not.toBe(platformOf(other));
  });

  it('are those of images in the index: no attestations, no nested indexes, the first of equal ones', () => {
    const found = platformsOf({
      manifests: [
        entry('1', { os: 'linux', architecture: 'amd64' }),
        entry('2', { os: 'linux', architecture: 'amd64' }),
        entry('3', { os: 'linux', architecture: 'arm64', variant: 'v8' }, DOCKER),
        entry('4'),
        entry('5', { os: 'linux', architecture: 's390x' }, 'application/vnd.oci.image.index.v1+json'),
        { ...entry('6', { os: 'linux', architecture: 'riscv64' }), digest: 'sha512:1' },
      ] as Parameters<typeof platformsOf>[0]['manifests'],
    });
    expect([...found]).toEqual([
      ['linux/amd64', digest('1')],
      ['linux/arm64', digest('3')],
    ]);
  });
});

it('refuses a document that is an index and an image at once', () => {
  const config = { mediaType: 'x', digest: digest('1'), size: 1 };
  const both = { config, layers: [], manifests: [entry('1')] };
  for (const mediaType of [...MANIFEST_TYPES, ...INDEX_TYPES])
    expect(readManifest(Buffer.from(JSON.stringify({ mediaType, ...both })), mediaType)).toBeUndefined();
});

it('reads any bytes as a manifest, a config, or nothing, without throwing', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.json(), fc.string({ unit: 'binary' })),
      fc.constantFrom(OCI, DOCKER, ''),
      (text, type) => {
        readManifest(Buffer.from(text), type);
        readImageConfig(Buffer.from(text));
      },
    ),
  );
  expect(readManifest(Buffer.from('['.repeat(100_000)), OCI)).toBeUndefined();
  expect(readManifest(Buffer.from('{"__proto__":{"mediaType":"x"}}'), OCI)).toBeUndefined();
});
