/**
 * Pushes an OCI-layout archive into a registry that takes plain HTTP and asks for no credentials, as that
 * of the local cluster. What the registry already has is not sent again.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Place, placesIn } from '../images/tar.ts';
import { blobName } from '../images/writer.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** `repository` without host, and `tag`. */
interface Target {
  readonly repository: string;
  readonly tag: string;
}

/** Reads an archive without reading its layers. */
class Archive {
  readonly #file: string;
  readonly #opened: FileHandle;
  readonly #places: Map<string, Place>;

  constructor(file: string, opened: FileHandle, places: Map<string, Place>) {
    this.#file = file;
    this.#opened = opened;
    this.#places = places;
  }

  place(name: string): Place {
    const place = this.#places.get(name);
    if (!place) throw new Error(`${this.#file} is no OCI image archive: it has no ${name}.`);
    return place;
  }

  async bytes(name: string): Promise<Buffer> {
    const { offset, size } = this.place(name);
    return (await this.#opened.read(Buffer.alloc(size), 0, size, offset)).buffer;
  }

  stream(name: string): Readable {
    const { offset, size } = this.place(name);
    if (size === 0) return Readable.from([]);
    return createReadStream(this.#file, { start: offset, end: offset + size - 1 });
  }
}

/** The name an archive gives its image, without a registry's host: `python:3.11-slim` is in `library/`. */
function targetOf(reference: string): Target {
  const [, name = '', tag] = /^(.*?)(?::([\w][\w.-]*))?$/.exec(reference) ?? [];
  const [first = '', ...rest] = name.split('/');
  const isHost = rest.length > 0 && /[.:]|^localhost$/.test(first);
  const repository = isHost ? rest.join('/') : name;
  if (!repository || !tag)
    throw new Error(`The archive calls its image "${reference}", which is no name with a tag.`);
  return { repository, tag };
}

async function expect(answer: Response, ...statuses: number[]): Promise<Response> {
  if (statuses.includes(answer.status)) return answer;
  const text = (await answer.text()).slice(0, 500);
  throw new Error(`The registry answered ${answer.status} to ${answer.url}: ${text}`);
}

async function pushBlob(archive: Archive, base: string, { digest }: Descriptor): Promise<void> {
  const there = await expect(await fetch(`${base}/blobs/${digest}`, { method: 'HEAD' }), 200, 404);
  if (there.status === 200) return;
  const begun = await expect(await fetch(`${base}/blobs/uploads/`, { method: 'POST' }), 202);
  const location = new URL(begun.headers.get('location') ?? '', begun.url);
  location.searchParams.set('digest', digest);
  const body = Readable.toWeb(archive.stream(blobName(digest))) as ReadableStream;
  const headers = { 'content-type': 'application/octet-stream' };
  await expect(await fetch(location, { method: 'PUT', headers, body, duplex: 'half' }), 201);
}

/**
 * Pushes the one image of `file` to `registry` (host and port) under its own name, without the host that
 * name may begin with. Resolves with what pods call it: registry, repository, tag and digest.
 */
export async function pushArchive(file: string, registry: string): Promise<string> {
  await using opened = await open(file);
  const places = await placesIn(opened).catch((error) => {
    throw new Error(`${file} is no OCI image archive: ${error.message}.`, { cause: error });
  });
  const archive = new Archive(file, opened, places);
  const index = JSON.parse((await archive.bytes('index.json')).toString()) as { manifests: Descriptor[] };
  const [image, ...others] = index.manifests;
  if (!image || others.length > 0)
    throw new Error(`${file} holds ${index.manifests.length} images instead of one.`);
  const { repository, tag } = targetOf(image.annotations?.['io.containerd.image.name'] ?? '');
  const base = `http://${registry}/v2/${repository}`;
  const reference = `${registry}/${repository}:${tag}@${image.digest}`;

  const accept = { accept: image.mediaType };
  const there = await fetch(`${base}/manifests/${tag}`, { method: 'HEAD', headers: accept });
  if (there.ok && there.headers.get('docker-content-digest') === image.digest) return reference;

  const bytes = await archive.bytes(blobName(image.digest));
  const manifest = JSON.parse(bytes.toString()) as { config: Descriptor; layers?: Descriptor[] };
  if (!manifest.layers)
    throw new Error(`${file} holds an image for several platforms; only one can be pushed.`);
  for (const blob of [manifest.config, ...manifest.layers]) await pushBlob(archive, base, blob);
  const headers = { 'content-type': image.mediaType };
  await expect(await fetch(`${base}/manifests/${tag}`, { method: 'PUT', headers, body: bytes }), 201);
  return reference;
}
