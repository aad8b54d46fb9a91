/**
 * Our few words for OCI registries: does an image exist, what is its manifest, what is its configuration.
 *
 * Each question gets one of four answers, as a value. It throws only when the caller's signal ends it, or for a
 * reference that `parseReference` would not have given. Nothing a registry sends is trusted: content is
 * bounded and checked against its digest, addresses and redirects against `address.ts`.
 * Protocol: opencontainers/distribution-spec, section "Pull".
 */
import type { NoAnswer, RegistryAnswer } from '../api/registry-answer.ts';
import { type ImageReference, isDigest, isRepository, isTag } from '../image/reference.ts';
import type { Settings } from '../settings.ts';
import {
  type ConfigAnswer,
  type Descriptor,
  type LayersAnswer,
  type ManifestAnswer,
  RegistryFailure,
  unavailable,
} from './answer.ts';
import { Authorization, type Question } from './authorization.ts';
import { type ImageConfig, readImageConfig } from './config.ts';
import { type CredentialStore, withoutSecret } from './credentials.ts';
import { type Endpoint, endpointOf } from './endpoint.ts';
import { answerOf } from './error-body.ts';
import {
  ACCEPT,
  digestOfFile,
  isReadable,
  type Manifest,
  platformOf,
  platformsOf,
  readManifest,
  sha256,
} from './manifest.ts';
import { type Reply, Transport } from './transport.ts';

export type { ConfigAnswer, Descriptor, LayersAnswer, ManifestAnswer } from './answer.ts';
export type { ImageConfig } from './config.ts';

export interface RegistryClientOptions {
  readonly registries: Settings['registries'];
  readonly credentials: CredentialStore;
  /** PEM of further certificate authorities. */
  readonly caBundle?: string | undefined;
  readonly proxy?: Settings['proxy'];
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
  /** For one request with its whole answer. @default 10_000 */
  readonly timeoutMs?: number;
}

export interface AskOptions {
  /** What a token is asked for; `pull,push` asks with the rights a push would need. @default 'pull' */
  readonly scope?: 'pull' | 'pull,push';
  /** Ends the question; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Whether a push would be let in; `absent`: there is no such repository, and this registry makes none. */
export type PushAnswer = { readonly kind: 'allowed' } | NoAnswer;

/** The distribution-spec guarantees manifests up to 4 MiB; configs of that size are unheard of. */
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_INDEXES = 1000;
const SLOWEST_BYTES_PER_MS = 100;
const LONGEST_BLOB_MS = 3_600_000;

export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #transport: Transport;
  readonly #authorization: Authorization;
  /** Platforms of indexes seen, by digest; content never changes under one. Empty for a single image. */
  readonly #platforms = new Map<string, ReadonlySet<string>>();

  constructor(options: RegistryClientOptions) {
    const now = options.now ?? Date.now;
    this.#options = options;
    this.#transport = new Transport({
      registries: options.registries,
      caBundle: options.caBundle,
      proxy: options.proxy,
      timeoutMs: options.timeoutMs ?? 10_000,
      now,
    });
    this.#authorization = new Authorization(this.#transport, options.credentials, now);
  }

  /**
   * Asks whether `ref` exists. With several platforms all must be in its index, else it is absent.
   * A HEAD where that suffices, as Docker Hub counts GETs only.
   */
  digestOf(
    ref: ImageReference,
    options: AskOptions & { readonly platforms?: readonly string[] } = {},
  ): Promise<RegistryAnswer> {
    return this.#answered<RegistryAnswer>(ref, async () => {
      const endpoint = this.#endpoint(ref);
      const found = await this.#head(endpoint, ref, options);
      const platforms = [...new Set(options.platforms?.map(platformOf))];
      if (found.kind !== 'present' || platforms.length < 2) return found;
      const has = await this.#platformsOf(endpoint, { ...ref, digest: found.digest }, options);
      if ('kind' in has) return has;
      return platforms.every((platform) => has.has(platform)) ? found : { kind: 'absent' };
    });
  }

  /** The manifest or index that `ref` names, at most 4 MiB, its digest checked. */
  manifestOf(ref: ImageReference, options: AskOptions = {}): Promise<ManifestAnswer> {
    return this.#answered<ManifestAnswer>(ref, async () => {
      const found = await this.#manifest(this.#endpoint(ref), ref, options);
      if ('kind' in found) return found;
      const { digest, mediaType, size, document } = found;
      return { kind: 'present', digest, mediaType, size, manifest: document };
    });
  }

  /**
   * The configuration of the image for one platform (`linux/arm64`).
   * An index without it, or a single image for another platform, is absent.
   */
  configOf(ref: ImageReference, platform: string, options: AskOptions = {}): Promise<ConfigAnswer> {
    return this.#answered<ConfigAnswer>(ref, async () => {
      const endpoint = this.#endpoint(ref);
      const found = await this.#imageFor(endpoint, ref, platform, options);
      if ('kind' in found) return found;
      const { named, manifest, image } = found;
      const config = await this.#config(endpoint, ref, image.config.digest, options);
      if ('kind' in config) return config;
      // Behind an index its entry counts: configs of older ARM images lack the variant.
      if (named.index === undefined && platformOf(config) !== platformOf(platform)) return { kind: 'absent' };
      return { kind: 'present', digest: named.digest, manifestDigest: manifest.digest, config };
    });
  }

  /**
   * The layers of the image for one platform, or of an artifact. An index without the platform is absent; what is not
   * in an index is taken as it is.
   */
  layersOf(ref: ImageReference, platform: string, options: AskOptions = {}): Promise<LayersAnswer> {
    return this.#answered<LayersAnswer>(ref, async () => {
      const found = await this.#imageFor(this.#endpoint(ref), ref, platform, options);
      if ('kind' in found) return found;
      return { kind: 'present', digest: found.manifest.digest, layers: found.image.layers };
    });
  }

  /** Writes a blob of a repository to a file, its size and digest checked. The time for it grows with its size. */
  saveBlob(
    ref: ImageReference,
    { digest, size }: Descriptor,
    file: string,
    options: AskOptions = {},
  ): Promise<{ readonly kind: 'present' } | NoAnswer> {
    return this.#answered<{ readonly kind: 'present' } | NoAnswer>(ref, async () => {
      const endpoint = this.#endpoint(ref);
      const timeoutMs = Math.min(60_000 + Math.ceil(size / SLOWEST_BYTES_PER_MS), LONGEST_BLOB_MS);
      const reply = await this.#ask(endpoint, ref, 'GET', `blobs/${digest}`, {
        ...options,
        ...{ file, mostBytes: size, timeoutMs },
      });
      if (reply.status === 404) throw unavailable(`${ref.host}: holds the image's manifest, not its layers`);
      if (reply.status !== 200) return answerOf(reply, ref.host);
      if ((await digestOfFile(file)) !== digest)
        throw unavailable(`${ref.host}: the layer it sent is not the one its digest names`);
      return { kind: 'present' };
    });
  }

  /**
   * May this identity push to the repository? Opens an upload and cancels it; nothing is left there.
   * Protocol: distribution-spec, "Pushing a blob in chunks", without a chunk.
   */
  mayPush(ref: ImageReference, signal?: AbortSignal): Promise<PushAnswer> {
    return this.#answered<PushAnswer>(ref, async () => {
      const endpoint = this.#endpoint(ref);
      const options: AskOptions = { scope: 'pull,push', signal };
      const reply = await this.#ask(endpoint, ref, 'POST', 'blobs/uploads/', options);
      if (reply.status !== 202 && reply.status !== 201) return answerOf(reply, ref.host);
      const upload = uploadPath(endpoint, ref, reply.header('location'));
      // Registries drop abandoned uploads by themselves; that this one is not cancelled harms nobody.
      if (upload !== undefined)
        await this.#ask(endpoint, ref, 'DELETE', upload, options).catch(() => undefined);
      return { kind: 'allowed' };
    });
  }

  /**
   * Pushes a manifest or index under the tag of `ref`; what it names must be in the repository already.
   * Protocol: distribution-spec, "Pushing Manifests".
   *
   * @returns `present` with the digest of the text
   */
  pushManifest(
    ref: ImageReference & { readonly tag: string },
    { mediaType, text }: { readonly mediaType: string; readonly text: string },
  ): Promise<RegistryAnswer> {
    return this.#answered<RegistryAnswer>(ref, async () => {
      const endpoint = this.#endpoint(ref);
      const reply = await this.#authorization.ask(endpoint, {
        method: 'PUT',
        repository: ref.repository,
        path: `manifests/${ref.tag}`,
        content: { mediaType, text },
        actions: 'pull,push',
        mostBytes: MOST_BYTES,
      });
      if (reply.status !== 201) return answerOf(reply, ref.host);
      return { kind: 'present', digest: sha256(Buffer.from(text)) };
    });
  }

  /** Ends all connections. What is under way answers `unavailable`. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #answered<T extends { readonly kind: string }>(
    ref: ImageReference,
    ask: () => Promise<T | NoAnswer>,
  ): Promise<T | NoAnswer> {
    const answer = await ask().catch((error: unknown) => {
      if (error instanceof RegistryFailure) return error.answer;
      throw error;
    });
    if (!('message' in answer)) return answer;
    const credential = this.#options.credentials.credentialFor(ref.host, ref.repository);
    return { ...answer, message: withoutSecret(answer.message, credential) };
  }

  #endpoint(ref: ImageReference): Endpoint {
    const reference = ref.digest ?? ref.tag ?? '';
    if (!isRepository(ref.host, ref.repository) || !(isDigest(reference) || isTag(reference)))
      throw new TypeError('not a reference that parseReference gives');
    return endpointOf(this.#options.registries, ref.host);
  }

  async #head(endpoint: Endpoint, ref: ImageReference, options: AskOptions): Promise<RegistryAnswer> {
    const reply = await this.#ask(endpoint, ref, 'HEAD', manifestPath(ref), options);
    if (reply.status === 200) {
      const digest = reply.header('docker-content-digest');
      if (digest !== undefined && isDigest(digest) && isReadable(reply.header('content-type'))) {
        if (ref.digest !== undefined && digest !== ref.digest)
          throw unavailable(`${ref.host}: answers for another digest than the one asked for`);
        return { kind: 'present', digest };
      }
    } else if (FINAL_TO_HEAD.has(reply.status)) {
      return answerOf(reply, ref.host);
    }
    // Without a digest, or refused: the GET shows the body, or the reason. Some registries know no HEAD.
    const found = await this.#manifest(endpoint, ref, options);
    return 'kind' in found ? found : { kind: 'present', digest: found.digest };
  }

  async #manifest(
    endpoint: Endpoint,
    ref: ImageReference,
    options: AskOptions,
  ): Promise<Manifest | NoAnswer> {
    const reply = await this.#ask(endpoint, ref, 'GET', manifestPath(ref), options);
    if (reply.status !== 200) return answerOf(reply, ref.host);
    const manifest = readManifest(reply.body, reply.header('content-type'));
    if (manifest === undefined) throw unavailable(`${ref.host}: its answer is no image manifest`);
    const named = ref.digest ?? reply.header('docker-content-digest');
    if (named !== undefined && isDigest(named) && named !== manifest.digest)
      throw unavailable(`${ref.host}: the manifest it sent is not the one its digest names`);
    return manifest;
  }

  /** The manifest that `ref` names, and the one for the platform: the same, unless it is an index. */
  async #imageFor(
    endpoint: Endpoint,
    ref: ImageReference,
    platform: string,
    options: AskOptions,
  ): Promise<{ named: Manifest; manifest: Manifest; image: NonNullable<Manifest['image']> } | NoAnswer> {
    const named = await this.#manifest(endpoint, ref, options);
    if ('kind' in named) return named;
    let manifest = named;
    if (named.index !== undefined) {
      const digest = platformsOf(named.index).get(platformOf(platform));
      if (digest === undefined) return { kind: 'absent' };
      const found = await this.#manifest(endpoint, { ...ref, digest }, options);
      if ('kind' in found) return found;
      manifest = found;
    }
    if (manifest.image === undefined) throw unavailable(`${ref.host}: an index names another index`);
    return { named, manifest, image: manifest.image };
  }

  async #config(
    endpoint: Endpoint,
    ref: ImageReference,
    digest: string,
    options: AskOptions,
  ): Promise<ImageConfig | NoAnswer> {
    const reply = await this.#ask(endpoint, ref, 'GET', `blobs/${digest}`, options);
    if (reply.status === 404)
      throw unavailable(`${ref.host}: holds the image's manifest, not its configuration`);
    if (reply.status !== 200) return answerOf(reply, ref.host);
    if (sha256(reply.body) !== digest)
      throw unavailable(`${ref.host}: the image configuration it sent is not the one its digest names`);
    const config = readImageConfig(reply.body);
    if (config === undefined) throw unavailable(`${ref.host}: the image's configuration cannot be read`);
    return config;
  }

  async #platformsOf(
    endpoint: Endpoint,
    ref: ImageReference & { readonly digest: string },
    options: AskOptions,
  ): Promise<ReadonlySet<string> | NoAnswer> {
    const known = this.#platforms.get(ref.digest);
    if (known !== undefined) return known;
    const manifest = await this.#manifest(endpoint, ref, options);
    if ('kind' in manifest) return manifest;
    const platforms = new Set(manifest.index === undefined ? [] : platformsOf(manifest.index).keys());
    this.#platforms.set(ref.digest, platforms);
    const [oldest] = this.#platforms.keys();
    if (this.#platforms.size > MOST_INDEXES && oldest !== undefined) this.#platforms.delete(oldest);
    return platforms;
  }

  #ask(
    endpoint: Endpoint,
    ref: ImageReference,
    method: Question['method'],
    path: string,
    { scope, ...options }: AskOptions & Partial<Pick<Question, 'mostBytes' | 'file' | 'timeoutMs'>>,
  ): Promise<Reply> {
    return this.#authorization.ask(endpoint, {
      method,
      repository: ref.repository,
      path,
      ...(path.startsWith('manifests/') ? { accept: ACCEPT } : {}),
      actions: scope ?? 'pull',
      mostBytes: MOST_BYTES,
      ...options,
    });
  }
}

/** An upload's address below its repository; undefined when it is somewhere else. */
function uploadPath(
  endpoint: Endpoint,
  ref: ImageReference,
  location: string | undefined,
): string | undefined {
  if (location === undefined || !URL.canParse(location, endpoint.base)) return undefined;
  const { href } = new URL(location, endpoint.base);
  const repository = `${endpoint.base}/v2/${ref.repository}/`;
  return href.startsWith(repository) ? href.slice(repository.length) : undefined;
}

/** Statuses that a GET would only repeat: absent, no way in, and "not now". */
const FINAL_TO_HEAD = new Set([404, 401, 408, 429, 502, 503, 504]);

/** The digest names more exactly than the tag, so it is asked for where both are given. */
function manifestPath(ref: ImageReference): string {
  return `manifests/${ref.digest ?? ref.tag}`;
}
