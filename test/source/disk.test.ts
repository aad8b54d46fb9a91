import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fileOnDisk } from '../../src/source/disk.ts';

const root = mkdtempSync(join(tmpdir(), 'imagespec-disk-'));
afterAll(() => rmSync(root, { recursive: true }));

test.each([0, 1, 5000, 1024 * 1024, 2 * 1024 * 1024 + 1])(
  'a file of %i bytes is read whole, each time, in pieces no larger than it',
  (size) => {
    const file = join(root, String(size));
    const bytes = Buffer.alloc(size, 'abc');
    writeFileSync(file, bytes);
    const entry = fileOnDisk(file, 'a', size, false);
    for (let times = 0; times < 2; times += 1) {
      const pieces = [...entry.content()];
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
      // Node gives small pieces out of a pool of 64 KiB at most.
      for (const { buffer } of pieces) expect(buffer.byteLength).toBeLessThanOrEqual(Math.max(size, 65_536));
    }
  },
);
