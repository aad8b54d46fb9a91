/** Lines of a stream, however it is cut. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from '../../src/kube/lines.ts';

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

test('are the same wherever the stream is cut', async () => {
  const text = fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', ' '));
  await fc.assert(
    fc.asyncProperty(fc.array(text), fc.array(fc.nat(9)), text, async (lines, sizes, tail) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join('') + tail);
      expect(await all(linesOf(cut(bytes, sizes), 1_000_000))).toEqual(lines);
    }),
  );
});

test.each([
  ['in one piece', [100]],
  ['in small pieces', Array.from({ length: 100 }, () => 1)],
])('are refused beyond their bound, %s', async (_, sizes) => {
  const read = (text: string) => all(linesOf(cut(Buffer.from(text), sizes), 10));
  expect(await read('0123456789\n')).toEqual(['0123456789']);
  await expect(read('0123456789x\n')).rejects.toThrow(RangeError);
  await expect(read('0123456789x')).rejects.toThrow(RangeError);
});
