/**
 * The only step of a look Job: asks what the operator may not ask itself, with the tenant's Secrets, and says what it
 * found. It succeeds whatever the answer is; the operator decides what it means.
 */
import type { LookResult } from '../api/build-result.ts';
import type { RegistryAnswer } from '../api/registry-answer.ts';
import { lookContextSchema } from '../build/look.ts';
import { digestsOf } from '../image/remembered.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import { patiently } from './failure.ts';
import { readContext, referenceOf, registryFor, tenantCredentials } from './pod.ts';
import { lookAtSource } from './source.ts';

export async function look(): Promise<LookResult> {
  const context = readContext(lookContextSchema);
  const { question } = context;
  const registry = registryFor(context, tenantCredentials().store);
  if ('image' in question) {
    const image = await existing(registry, question.image);
    await registry.close();
    return { image: 'message' in image ? { ...image, message: cut(image.message, 900) } : image };
  }
  const found = await lookAtSource(question.source, registry, context);
  await registry.close();
  switch (found.kind) {
    case 'found':
      return { source: digestsOf(found.source) };
    case 'problems':
      // As many as the termination message holds; the rest shows when these are mended.
      return {
        problems: found.problems
          .slice(0, 4)
          .map(({ field, message }) => ({ field, message: cut(message, 200) })),
      };
    default:
      return { unreadable: { kind: found.kind, message: cut(found.problem.message, 900) } };
  }
}

/**
 * Does the image exist? Some registries refuse to say so of a repository that is not there yet, to everybody; who may
 * push there may take that for a no.
 */
async function existing(
  registry: RegistryClient,
  { name, platforms }: { name: string; platforms: readonly string[] },
): Promise<RegistryAnswer> {
  const image = referenceOf(name);
  const answer = await patiently(() => registry.digestOf(image, { platforms }));
  if (answer.kind !== 'denied') return answer;
  const push = await patiently(() => registry.mayPush(image));
  if (push.kind === 'allowed' || push.kind === 'absent') return { kind: 'absent' };
  return push.kind === 'unavailable' ? push : answer;
}

/** The kubelet keeps 4096 bytes of it all, and a character may need four. */
const cut = (text: string, most: number) => text.slice(0, most);
