/**
 * The only step of an index Job: puts the images of several platforms together as one image.
 *
 * OCI image-spec `image-index.md`. What it names is in the same repository already, so nothing but the index is pushed.
 */
import type { BuildResult } from '../api/build-result.ts';
import { indexContextSchema } from '../build/context.ts';
import type { ImageReference } from '../image/reference.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import { noAnswer, patiently, StepError } from './failure.ts';
import { readContext, referenceOf, registryFor, secondsOf, tenantCredentials } from './pod.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';

export async function imageIndex(): Promise<BuildResult> {
  const begun = Date.now();
  const context = readContext(indexContextSchema);
  const registry = registryFor(context, tenantCredentials().store);
  const manifests = [];
  for (const part of context.parts) manifests.push(await entryOf(registry, part));
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  const image = tagged(context.image);
  const pushed = await patiently(() => registry.pushManifest(image, { mediaType: INDEX, text }));
  if (pushed.kind !== 'present') {
    const words = 'message' in pushed ? pushed.message : '';
    if (/immutable/i.test(words)) throw new StepError('TagImmutable', `${context.image}: ${words}`);
    throw noAnswer(pushed, context.image, 'RegistryDenied');
  }
  console.log(
    `pushed ${context.image}@${pushed.digest}: ${context.parts.map((part) => part.platform).join(', ')}`,
  );
  const platforms = context.parts.map((part) => part.platform);
  const seen = await patiently(() => registry.digestOf(image, { platforms }));
  if (seen.kind !== 'present') throw noAnswer(seen, context.image, 'RegistryUnreachable');
  await registry.close();
  return { digest: seen.digest, seconds: { verify: secondsOf(Date.now() - begun) } };
}

/** The index's line for one platform. */
async function entryOf(registry: RegistryClient, part: { platform: string; image: string }) {
  const image = referenceOf(part.image);
  const config = await patiently(() => registry.configOf(image, part.platform));
  if (config.kind !== 'present') throw noAnswer(config, part.image, 'RegistryUnreachable');
  // An engine may have pushed an index of its own; what counts is the image in it.
  const named = { ...image, digest: config.manifestDigest };
  const manifest = await patiently(() => registry.manifestOf(named));
  if (manifest.kind !== 'present') throw noAnswer(manifest, part.image, 'RegistryUnreachable');
  const [os, architecture, variant] = part.platform.split('/');
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.size,
    platform: { architecture, os, ...(variant === undefined ? {} : { variant }) },
  };
}

function tagged(text: string): ImageReference & { readonly tag: string } {
  const read = referenceOf(text);
  if (read.tag === undefined) throw new StepError('BuildFailed', `${text} is not an image with a tag`);
  return { ...read, tag: read.tag };
}
