/** Our identity of images against that of the real flytekit, for arguments that nobody chose. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { argumentsFrom, identityOf } from './arguments.ts';
import { someArguments } from './generated.ts';
import { type Oracle, startOracle } from './oracle.ts';
import vectors from './vectors.json' with { type: 'json' };

let flytekit: Oracle;
beforeAll(async () => {
  flytekit = await startOracle();
}, 300_000);
afterAll(async () => {
  await flytekit.end();
});

test('the known answers are its own, still', async () => {
  for (const { input, id, tag, image_name } of Object.values(vectors)) {
    expect(await flytekit.ask(argumentsFrom(input))).toEqual({ id, tag, imageName: image_name });
  }
});

test('every character of Unicode is printed as Python prints it', async () => {
  for (let from = 0; from < 0x110000; from += 0x1000) {
    const packages = [String.fromCodePoint(...Array.from({ length: 0x1000 }, (_, index) => from + index))];
    expect(identityOf({ packages }), `from U+${from.toString(16)} on`).toEqual(
      await flytekit.ask({ packages }),
    );
  }
});

test('4,000 sets of arguments have the id, tag and image name that flytekit gives them', async () => {
  await fc.assert(
    fc.asyncProperty(someArguments, async (given) => {
      expect(identityOf(given)).toEqual(await flytekit.ask(given));
    }),
    { numRuns: 4000 },
  );
});
