/**
 * What a repository takes: the right to push is tried, a manifest is put.
 *
 * Protocol: opencontainers/distribution-spec, section "Push".
 */
import type { RegistryAnswer } from '../api/registry-answer.ts';
import type { PushAnswer } from './answer.ts';
import { answerOf } from './error-body.ts';
import { sha256 } from './manifest.ts';
import type { Repository } from './repository.ts';

/** Opens an upload and cancels it: "Pushing a blob in chunks", without a chunk. */
export async function tryUpload(repository: Repository): Promise<PushAnswer> {
  const reply = await repository.ask('POST', 'blobs/uploads/');
  if (reply.status !== 202 && reply.status !== 201) return answerOf(reply, repository.endpoint.host);
  const upload = uploadPath(repository, reply.header('location'));
  // Registries drop abandoned uploads by themselves; that this one is not cancelled harms nobody.
  if (upload !== undefined) await repository.ask('DELETE', upload).catch(() => undefined);
  return { kind: 'allowed' };
}

/** An upload's address below its repository; undefined when it is somewhere else. */
function uploadPath({ endpoint, name }: Repository, location: string | undefined): string | undefined {
  if (location === undefined || !URL.canParse(location, endpoint.base)) return undefined;
  const { href } = new URL(location, endpoint.base);
  const root = `${endpoint.base}/v2/${name}/`;
  return href.startsWith(root) ? href.slice(root.length) : undefined;
}

export interface ManifestText {
  readonly mediaType: string;
  readonly text: string;
}

/** @returns `present` with the digest of the text */
export async function putManifest(
  repository: Repository,
  tag: string,
  content: ManifestText,
): Promise<RegistryAnswer> {
  const reply = await repository.ask('PUT', `manifests/${tag}`, { content });
  if (reply.status !== 201) return answerOf(reply, repository.endpoint.host);
  return { kind: 'present', digest: sha256(Buffer.from(content.text)) };
}
