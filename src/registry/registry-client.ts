/**
 * Our few words for OCI registries: does an image exist, what is in it, may it be pushed.
 *
 * Each question gets one of four answers, as a value. It throws only when the caller's signal ends it, or for a
 * reference that `parseReference` would not have given. Nothing a registry sends is trusted: content is
 * bounded and checked against its digest, addresses and redirects against `address.ts`.
 * `pull.ts` and `push.ts` speak the protocol.
 */
import type { NoAnswer, RegistryAnswer } from '../api/registry-answer.ts';
import { type ImageReference, isDigest, isRepository, isTag } from '../image/reference.ts';
import type { Settings } from '../settings.ts';
import {
  type ConfigAnswer,
  type Descriptor,
  type LayersAnswer,
  type ManifestAnswer,
  type PushAnswer,
  RegistryFailure,
} from './answer.ts';
import { Authorization } from './authorization.ts';
import { BoundedMap } from './bounded-map.ts';
import { type CredentialStore, withoutSecret } from './credentials.ts';
import { endpointOf } from './endpoint.ts';
import { platformOf, platformsOf } from './manifest.ts';
import { getConfig, getImage, getManifest, headManifest, saveBlob } from './pull.ts';
import { type ManifestText, putManifest, tryUpload } from './push.ts';
import { type AskOptions, type Repository, repositoryAt } from './repository.ts';
import { Transport } from './transport.ts';

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

const MOST_INDEXES = 1000;

export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #transport: Transport;
  readonly #authorization: Authorization;
  /** Platforms of indexes seen, by digest; content never changes under one. Empty for a single image. */
  readonly #platforms = new BoundedMap<string, ReadonlySet<string>>(MOST_INDEXES);

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

  /** Asks whether `ref` exists. With several platforms all must be in its index, else it is absent. */
  digestOf(
    ref: ImageReference,
    options: AskOptions & { readonly platforms?: readonly string[] } = {},
  ): Promise<RegistryAnswer> {
    return this.#answered<RegistryAnswer>(ref, options, async (repository, reference) => {
      const found = await headManifest(repository, reference);
      const platforms = [...new Set(options.platforms?.map(platformOf))];
      if (found.kind !== 'present' || platforms.length < 2) return found;
      const has = await this.#platformsOf(repository, found.digest);
      if ('kind' in has) return has;
      return platforms.every((platform) => has.has(platform)) ? found : { kind: 'absent' };
    });
  }

  /** The manifest or index that `ref` names, at most 4 MiB, its digest checked. */
  manifestOf(ref: ImageReference, options: AskOptions = {}): Promise<ManifestAnswer> {
    return this.#answered<ManifestAnswer>(ref, options, async (repository, reference) => {
      const found = await getManifest(repository, reference);
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
    return this.#answered<ConfigAnswer>(ref, options, async (repository, reference) => {
      const found = await getImage(repository, reference, platform);
      if ('kind' in found) return found;
      const { named, manifest, image } = found;
      const config = await getConfig(repository, image.config.digest);
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
    return this.#answered<LayersAnswer>(ref, options, async (repository, reference) => {
      const found = await getImage(repository, reference, platform);
      if ('kind' in found) return found;
      return { kind: 'present', digest: found.manifest.digest, layers: found.image.layers };
    });
  }

  /** Writes a blob of a repository to a file, its size and digest checked. The time for it grows with its size. */
  saveBlob(
    ref: ImageReference,
    blob: Descriptor,
    file: string,
    options: AskOptions = {},
  ): Promise<{ readonly kind: 'present' } | NoAnswer> {
    return this.#answered(ref, options, (repository) => saveBlob(repository, blob, file));
  }

  /** May this identity push to the repository? Nothing is left there by the question. */
  mayPush(ref: ImageReference, signal?: AbortSignal): Promise<PushAnswer> {
    return this.#answered(ref, { scope: 'pull,push', signal }, tryUpload);
  }

  /** Pushes a manifest or index under the tag of `ref`; what it names must be in the repository already. */
  pushManifest(
    ref: ImageReference & { readonly tag: string },
    content: ManifestText,
  ): Promise<RegistryAnswer> {
    return this.#answered(ref, { scope: 'pull,push' }, (repository) =>
      putManifest(repository, ref.tag, content),
    );
  }

  /** Ends all connections. What is under way answers `unavailable`. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  /** What a question comes to, its failures as values; `reference` is the digest where one is given, else the tag. */
  async #answered<T extends { readonly kind: string }>(
    ref: ImageReference,
    options: AskOptions,
    question: (repository: Repository, reference: string) => Promise<T | NoAnswer>,
  ): Promise<T | NoAnswer> {
    const { registries, credentials } = this.#options;
    const reference = ref.digest ?? ref.tag ?? '';
    if (!isRepository(ref.host, ref.repository) || !(isDigest(reference) || isTag(reference)))
      throw new TypeError('not a reference that parseReference gives');
    let answer: T | NoAnswer;
    try {
      const endpoint = endpointOf(registries, ref.host);
      const repository = repositoryAt(endpoint, ref.repository, this.#authorization, options);
      answer = await question(repository, reference);
    } catch (error) {
      if (!(error instanceof RegistryFailure)) throw error;
      answer = error.answer;
    }
    if (!('message' in answer)) return answer;
    const credential = credentials.credentialFor(ref.host, ref.repository);
    return { ...answer, message: withoutSecret(answer.message, credential) };
  }

  async #platformsOf(repository: Repository, digest: string): Promise<ReadonlySet<string> | NoAnswer> {
    const known = this.#platforms.get(digest);
    if (known !== undefined) return known;
    const manifest = await getManifest(repository, digest);
    if ('kind' in manifest) return manifest;
    const platforms = new Set(manifest.index === undefined ? [] : platformsOf(manifest.index).keys());
    this.#platforms.set(digest, platforms);
    return platforms;
  }
}
