import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { bytesOf } from '../../src/image/tree.ts';
import { ArchiveError, Layers } from '../../src/source/archive.ts';
import { tarOf } from '../support/tar.ts';

const root = mkdtempSync(join(tmpdir(), 'imagespec-archive-'));
afterAll(() => rmSync(root, { recursive: true }));

let count = 0;
const next = () => join(root, String(++count));

/** The layers laid over one another: content by path, links and others in words. */
async function laid(layers: readonly Buffer[], limits?: { files: number; bytes: number }) {
  const all = new Layers(next(), limits);
  for (const layer of layers) {
    const file = next();
    writeFileSync(file, layer);
    await all.addArchive(file);
  }
  return Object.fromEntries(
    [...all.tree().entries].map(([path, entry]) => [
      path,
      entry.kind === 'file'
        ? `${entry.executable ? 'executable ' : ''}${Buffer.from(bytesOf(entry)).toString()}`
        : entry.kind === 'link'
          ? `-> ${entry.target}`
          : `${entry.kind}: ${entry.what}`,
    ]),
  );
}

describe('one archive', () => {
  const plain = tarOf([
    ['./', { type: 'directory' }],
    ['./app/', { type: 'directory' }],
    ['./app/main.py', 'main'],
    ['run.sh', { type: 'file', mode: 0o755, size: 0 }],
    ['/rooted//x', '1'],
    ['link', { type: 'symlink', linkname: 'app/main.py' }],
    ['hard', { type: 'link', linkname: './app/main.py' }],
    [`${'long/'.repeat(40)}ü.txt`, 'long'],
  ]);
  const expected = {
    'app/main.py': 'main',
    'run.sh': 'executable ',
    'rooted/x': '1',
    link: '-> app/main.py',
    hard: 'main',
    [`${'long/'.repeat(40)}ü.txt`]: 'long',
  };

  test.each([
    ['tar', (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('in %s', async (_, packed) => expect(await laid([packed(await plain)])).toEqual(expected));

  test('in several parts, as archives for partial pulls are made', async () => {
    const bytes = await plain;
    // Each begins with an entry, so that nothing seems to be missing behind the first.
    const parts = [0, 1024, 2048, 2560].map((start, n, starts) => bytes.subarray(start, starts[n + 1]));
    const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    expect(await laid([Buffer.concat(parts.map((part) => gzipSync(part)))])).toEqual(expected);
    expect(await laid([Buffer.concat(parts.flatMap((part) => [zstdCompressSync(part), skipped]))])).toEqual(
      expected,
    );
  });

  test('may hold what no image is given; it is named for whoever wants it', async () => {
    const odd = await tarOf([
      ['dev', { type: 'character-device' }],
      ['pipe', { type: 'fifo' }],
      ['hard', { type: 'link', linkname: 'gone' }],
      ['out', { type: 'symlink', linkname: '/etc/passwd' }],
      ['nowhere', { type: 'symlink', linkname: 'a/'.repeat(2100) }],
      ['nl\nname', 'x'],
    ]);
    expect(await laid([odd])).toEqual({
      dev: 'other: no file but a character-device',
      pipe: 'other: no file but a fifo',
      hard: 'other: a hard link to gone, which is not there',
      out: '-> /etc/passwd',
      nowhere: 'other: a link to nothing that can be named',
      'nl\nname': expect.stringContaining('control characters'),
    });
  });

  test('the later of two entries counts, and a folder before a file', async () => {
    const twice = await tarOf([
      ['a', '1'],
      ['a', '2'],
      ['b', 'file'],
      ['b/c', 'below'],
    ]);
    expect(await laid([twice])).toEqual({ a: '2', 'b/c': 'below' });
  });
});

describe('refused', () => {
  test.each([
    [
      'a path that leads out',
      tarOf([['a/../../etc/cron.d/x', '1']]),
      /holds the path a\/\.\.\/\.\.\/etc\/cron\.d\/x, which leads out of it/,
    ],
    [
      'a hard link that leads out',
      tarOf([['a', { type: 'link', linkname: '../../etc/shadow' }]]),
      /leads out of it/,
    ],
    ['what is no archive', Buffer.from('hello, I am no archive'.repeat(100)), /no tar archive/],
    [
      'a gzip that breaks off',
      tarOf([['a', 'x'.repeat(5000)]]).then((bytes) => gzipSync(bytes).subarray(0, 40)),
      /no tar archive/,
    ],
    [
      'a tar that breaks off',
      tarOf([['a', 'x'.repeat(5000)]]).then((bytes) => bytes.subarray(0, 2000)),
      /no tar archive/,
    ],
    [
      'a zstd that breaks off',
      tarOf([['a', 'x'.repeat(5000)]]).then((bytes) => zstdCompressSync(bytes).subarray(0, -10)),
      /no tar archive/,
    ],
    [
      'a zstd with something else behind it',
      tarOf([['a', 'x']]).then((bytes) => Buffer.concat([zstdCompressSync(bytes), Buffer.from('more')])),
      /no tar archive/,
    ],
    ['a path without end', tarOf([[`${'a/'.repeat(200)}b`, '']]), /a path of 201 folders/],
    ['a name without end', tarOf([['a'.repeat(5000), '']]), /a path of 5000 characters/],
  ])('%s', async (_, layer, message) => {
    await expect(laid([await layer])).rejects.toThrow(message);
    await expect(laid([await layer])).rejects.toThrow(ArchiveError);
  });

  test('a bomb, before it has gone off', async () => {
    const zeros = Buffer.alloc(20 * 1024 * 1024);
    const bomb = gzipSync(await tarOf([['zeros', zeros]]));
    expect(bomb.length).toBeLessThan(50_000);
    await expect(laid([bomb], { files: 10, bytes: 1024 * 1024 })).rejects.toThrow(
      /more than 10 files or 1 MiB/,
    );
    const header = gzipSync(Buffer.concat([(await tarOf([['a', 'x']])).subarray(0, 1024), zeros]));
    await expect(laid([header], { files: 10, bytes: 1024 * 1024 })).rejects.toThrow(/more than 10 files/);
    const many = await tarOf(Array.from({ length: 11 }, (_, n) => [String(n), '']));
    await expect(laid([many.subarray(0)], { files: 10, bytes: 1024 * 1024 })).rejects.toThrow(
      /more than 10 files/,
    );
    // Bounds are for all layers together.
    const half = await tarOf(Array.from({ length: 6 }, (_, n) => [String(n), '']));
    await expect(laid([half, half], { files: 10, bytes: 1024 * 1024 })).rejects.toThrow(/more than 10 files/);
  });
});

describe('layers', () => {
  const lower = tarOf([
    ['a', '1'],
    ['dir/x', 'x'],
    ['dir/y', 'y'],
    ['file', 'f'],
    ['link', { type: 'symlink', linkname: 'dir' }],
  ]);
  test.each<[string, Parameters<typeof tarOf>[0], object]>([
    [
      'add and replace',
      [
        ['a', '2'],
        ['b', '3'],
      ],
      { a: '2', b: '3', 'dir/x': 'x', 'dir/y': 'y', file: 'f', link: '-> dir' },
    ],
    ['remove a file', [['.wh.a', '']], { 'dir/x': 'x', 'dir/y': 'y', file: 'f', link: '-> dir' }],
    ['remove a folder', [['.wh.dir', '']], { a: '1', file: 'f', link: '-> dir' }],
    [
      'empty a folder, in whatever order',
      [
        ['dir/new', 'n'],
        ['dir/.wh..wh..opq', ''],
      ],
      { a: '1', 'dir/new': 'n', file: 'f', link: '-> dir' },
    ],
    ['put a file in a folder’s place', [['dir', 'file']], { a: '1', dir: 'file', file: 'f', link: '-> dir' }],
    [
      'put a folder in a file’s place',
      [['file/x', 'x']],
      { a: '1', 'dir/x': 'x', 'dir/y': 'y', 'file/x': 'x', link: '-> dir' },
    ],
    [
      'put a folder in a link’s place',
      [['link/', { type: 'directory' }]],
      { a: '1', 'dir/x': 'x', 'dir/y': 'y', file: 'f' },
    ],
    [
      'link to what lies below',
      [
        ['hard', { type: 'link', linkname: 'dir/x' }],
        ['.wh.dir', ''],
      ],
      { a: '1', hard: 'x', file: 'f', link: '-> dir' },
    ],
  ])('%s', async (_, upper, expected) => {
    expect(await laid([await lower, await tarOf(upper)])).toEqual(expected);
  });
});

test('a disk that takes nothing more is no fault of the archive', async () => {
  const folder = next();
  const layers = new Layers(folder);
  rmSync(folder, { recursive: true });
  const file = next();
  writeFileSync(file, await tarOf([['a', 'x']]));
  await expect(layers.addArchive(file)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
});

test('whatever the bytes are, it is an ArchiveError or a tree', async () => {
  const real = await tarOf([
    ['a', 'xyz'],
    ['b/c', { type: 'symlink', linkname: 'a' }],
    ['d', { type: 'fifo' }],
  ]);
  const broken = fc
    .tuple(fc.nat(real.length - 1), fc.uint8Array({ minLength: 1, maxLength: 40 }))
    .map(([at, bytes]) => {
      const copy = Buffer.from(real);
      copy.set(bytes.subarray(0, copy.length - at), at);
      return copy;
    });
  const any = fc.oneof(
    broken,
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(any, async (bytes) => {
      await laid([bytes]).catch((error: unknown) => expect(error).toBeInstanceOf(ArchiveError));
    }),
    { numRuns: 200 },
  );
});
