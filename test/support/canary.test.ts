import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { found } from './canary.ts';

const SECRET = 'canary-Ä+/ %"ö-canary';

test('a secret is found in every form, whatever stands around it', () => {
  const forms: ((text: string) => string)[] = [
    (text) => text,
    (text) => Buffer.from(text).toString('base64'),
    (text) => Buffer.from(text).toString('base64url'),
    (text) => encodeURIComponent(text.toWellFormed()),
    (text) => JSON.stringify(text),
    (text) => Buffer.from(text).toString('hex'),
  ];
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.constantFrom(...forms), (before, after, form) => {
      expect(found({ it: SECRET, other: 'other' }, form(`${before}${SECRET}${after}`))).toEqual(['it']);
    }),
  );
});

test('a secret is found in what is compressed, and not where it is not', () => {
  const text = Buffer.from(`before ${SECRET} after`);
  expect(found({ it: SECRET }, gzipSync(text))).toEqual(['it']);
  expect(found({ it: SECRET }, zstdCompressSync(text))).toEqual(['it']);
  expect(found({ it: SECRET }, 'canary-')).toEqual([]);
});
