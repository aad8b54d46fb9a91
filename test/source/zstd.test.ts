import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { constants, createZstdCompress, createZstdDecompress, zstdCompressSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { zstdPieces } from '../../src/source/zstd.ts';

const root = mkdtempSync(join(tmpdir(), 'imagespec-zstd-'));
afterAll(() => rmSync(root, { recursive: true }));

const sizes = [0, 1, 255, 256, 65_535, 65_792, 131_072, 300_000];
const contents = sizes.flatMap((size) => [
  Buffer.alloc(size, 'a'),
  randomBytes(size),
  Buffer.alloc(size, 'hello world '),
]);
const of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test.each([0, 1])('frames with blocks of every kind come out whole, with %i checksums', async (checksum) => {
  const params = { [constants.ZSTD_c_checksumFlag]: checksum };
  const frames: Buffer[] = [];
  for (const content of contents) {
    frames.push(zstdCompressSync(content, { params }));
    // Without the size of the content in its header.
    const stream = createZstdCompress({ params });
    stream.end(content);
    frames.push(await buffer(stream));
  }
  const file = join(root, `frames-${checksum}`);
  writeFileSync(file, Buffer.concat(frames));
  const unpacked = await buffer(Readable.from(zstdPieces(file)).pipe(createZstdDecompress()));
  expect(of(unpacked)).toBe(of(Buffer.concat(contents.flatMap((content) => [content, content]))));
});
