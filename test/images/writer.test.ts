import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  link,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readImage } from '../../scripts/images/archive.ts';
import {
  type Layer,
  layerFromEntries,
  layerFromFolder,
  readLayer,
  unpack,
} from '../../scripts/images/layer.ts';
import { writeImage } from '../../scripts/images/writer.ts';

let place: string;
let tree: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'imagespec-writer-'));
  tree = join(place, 'tree');
  await mkdir(join(tree, 'bin'), { recursive: true });
  await writeFile(join(tree, 'bin', 'tool'), '#!/bin/sh\n');
  await chmod(join(tree, 'bin', 'tool'), 0o4750);
  await symlink('tool', join(tree, 'bin', 'alias'));
});
afterEach(async () => {
  await rm(place, { recursive: true, force: true });
});

const file = (name: string) => join(place, name);

async function bytesOf(layer: Layer): Promise<Buffer> {
  return Buffer.concat(await layer.open().toArray());
}

/** What `tar -tv` says of a layer: one line per entry, by name. */
async function listingOf(layer: Layer): Promise<Map<string, string>> {
  const text = execFileSync('tar', ['-tvzf', '-', '--numeric-owner', '--full-time', '--utc'], {
    input: await bytesOf(layer),
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  const lines = text.toString().trim().split('\n');
  return new Map(lines.map((line) => [/(?:\d\d:\d\d:\d\d) (?:\.\/)?(\S*)/.exec(line)?.[1] ?? line, line]));
}

describe('a layer from a folder', () => {
  it('has the same bytes whenever it is made', async () => {
    const first = await layerFromFolder(tree, file('first'));
    await utimes(join(tree, 'bin', 'tool'), 1, 1);
    await rm(join(tree, 'bin', 'alias'));
    await symlink('tool', join(tree, 'bin', 'alias'));
    const second = await layerFromFolder(tree, file('second'));
    expect(await readFile(file('second'))).toEqual(await readFile(file('first')));
    expect(second.digest).toBe(first.digest);
  });

  it('keeps modes and links, with one fixed time for all', async () => {
    const listing = await listingOf(await layerFromFolder(tree, file('layer')));
    expect(listing.get('bin/tool')).toMatch(/^-rwsr-x--- .* 2020-01-01 00:00:00 /);
    expect(listing.get('bin/alias')).toMatch(/^lrwxrwxrwx .* -> tool$/);
  });

  it('keeps hard links as one file', async () => {
    await link(join(tree, 'bin', 'tool'), join(tree, 'bin', 'twin'));
    const listing = await listingOf(await layerFromFolder(tree, file('layer')));
    expect(listing.get('bin/twin')).toMatch(/^h.* link to \.\/bin\/tool$/);
  });

  it('belongs to root and is readable by all when asked for', async () => {
    const layer = await layerFromFolder(tree, file('layer'), { ownedByRoot: true });
    expect((await listingOf(layer)).get('bin/tool')).toMatch(/^-rwxr-xr-x 0\/0 /);
  });

  it('can be of some paths only, without what lies below them', async () => {
    await writeFile(join(tree, '-T odd\nname'), 'x');
    const listing = await listingOf(
      await layerFromFolder(tree, file('layer'), { paths: ['bin', '-T odd\nname'] }),
    );
    expect([...listing.keys()]).toHaveLength(2);
    expect(listing.has('bin/')).toBe(true);
  });

  it('says why when the folder cannot be packed', async () => {
    await expect(layerFromFolder(file('absent'), file('layer'))).rejects.toThrow(/absent.*No such file/s);
  });

  it.runIf(process.getuid?.() === 0)(
    'gives a tree of root back with its owners and capabilities',
    async () => {
      const python = (script: string, path: string) =>
        execFileSync('python3', ['-c', script, path]).toString();
      const tool = join(tree, 'bin', 'tool');
      await chown(tool, 1000, 1001);
      const capSetuid = '0100000280000000000000000000000000000000';
      const name = '"security.capability"';
      python(`import os, sys; os.setxattr(sys.argv[1], ${name}, bytes.fromhex("${capSetuid}"))`, tool);
      const layer = await layerFromFolder(tree, file('layer'));
      await mkdir(file('copy'));
      await unpack([layer], file('copy'));
      const copy = join(file('copy'), 'bin', 'tool');
      expect(await stat(copy)).toMatchObject({ uid: 1000, gid: 1001 });
      expect(python(`import os, sys; print(os.getxattr(sys.argv[1], ${name}).hex())`, copy).trim()).toBe(
        capSetuid,
      );
    },
  );
});

describe('a layer from entries', () => {
  it('holds them as given', async () => {
    const layer = await layerFromEntries(
      [
        { name: 'home/', type: 'directory', uid: 1000, gid: 1000 },
        { name: 'home/hello', mode: 0o755, contents: 'hello' },
        { name: 'home/link', type: 'symlink', linkname: 'hello' },
      ],
      file('layer'),
    );
    const listing = await listingOf(layer);
    expect(listing.get('home/')).toMatch(/^drwxr-xr-x 1000\/1000 /);
    expect(listing.get('home/hello')).toMatch(/^-rwxr-xr-x 0\/0 +5 /);
    expect(listing.get('home/link')).toMatch(/-> hello$/);
  });

  it('refuses a name that a short tar header cannot hold', async () => {
    const long = { name: 'x'.repeat(101) };
    await expect(layerFromEntries([long], file('layer'))).rejects.toThrow('too long');
  });

  it('refuses contents that are not as long as they say', async () => {
    const open = async function* () {
      yield Buffer.from('12');
    };
    const short = { name: 'short', contents: { size: 3, open } };
    await expect(layerFromEntries([short], file('layer'))).rejects.toThrow('2 bytes instead of 3');
  });

  it('is found again by its file', async () => {
    const made = await layerFromEntries([{ name: 'a', contents: 'a' }], file('layer'));
    const found = await readLayer(file('layer'));
    expect([found.digest, found.diffId, found.size]).toEqual([made.digest, made.diffId, made.size]);
    expect(await bytesOf(found)).toEqual(await bytesOf(made));
  });
});

describe('an image', () => {
  const reference = 'registry.example:5000/team/image:1.0';
  const config = { User: '1:1', Env: ['A=b c'], Entrypoint: ['/a'], ExposedPorts: { '80/tcp': {} } };

  it('is read as it was written', async () => {
    const layer = await layerFromEntries([{ name: 'a', contents: 'a' }], file('layer'));
    await writeImage(file('image.tar'), reference, [layer], config);
    const image = await readImage(file('image.tar'));
    expect(image.reference).toBe(reference);
    expect(image.config).toEqual(config);
    expect(image.layers.map(({ digest, diffId }) => [digest, diffId])).toEqual([
      [layer.digest, layer.diffId],
    ]);
    expect(await bytesOf(image.layers[0]!)).toEqual(await bytesOf(layer));
  });

  it('has the same bytes whenever it is written', async () => {
    const layer = await layerFromFolder(tree, file('layer'));
    await writeImage(file('first.tar'), reference, [layer], config);
    await writeImage(file('second.tar'), reference, [layer], config);
    expect(await readFile(file('second.tar'))).toEqual(await readFile(file('first.tar')));
  });

  it('takes the layers of another archive as they are', async () => {
    const below = await layerFromFolder(tree, file('below'));
    await writeImage(file('base.tar'), reference, [below], {});
    const base = await readImage(file('base.tar'));
    const own = await layerFromEntries([{ name: 'own', contents: 'own' }], file('own'));
    await writeImage(file('image.tar'), reference, [...base.layers, own], config);
    const { layers } = await readImage(file('image.tar'));
    expect(layers.map(({ digest }) => digest)).toEqual([below.digest, own.digest]);
    expect(await bytesOf(layers[0]!)).toEqual(await readFile(file('below')));
  });

  it('keeps a layer that is used twice once', async () => {
    const layer = await layerFromEntries([{ name: 'a', contents: 'a' }], file('layer'));
    await writeImage(file('image.tar'), reference, [layer, layer], config);
    const names = execFileSync('tar', ['-tf', file('image.tar')])
      .toString()
      .trim()
      .split('\n');
    expect(new Set(names).size).toBe(names.length);
    expect((await readImage(file('image.tar'))).layers).toHaveLength(2);
  });

  it('carries the names that containerd and skopeo look for', async () => {
    await writeImage(file('image.tar'), reference, [], config);
    const index = JSON.parse(execFileSync('tar', ['-xOf', file('image.tar'), 'index.json']).toString());
    expect(index.manifests[0].annotations).toEqual({
      'io.containerd.image.name': reference,
      'org.opencontainers.image.ref.name': '1.0',
    });
  });

  it.each(['image', 'host:5000/image', 'image@sha256:abc'])('needs a tag, which %s has not', async (name) => {
    await expect(writeImage(file('image.tar'), name, [], {})).rejects.toThrow('has no tag');
  });

  it('is not read from something else', async () => {
    execFileSync('tar', ['-cf', file('other.tar'), '-C', tree, 'bin']);
    await expect(readImage(file('other.tar'))).rejects.toThrow('no index.json in it');
  });
});
