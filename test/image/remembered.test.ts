/** What a look Job tells of a source, and the status keeps, is all that has to be known of it. */
import { expect, it } from 'vitest';
import { lookResultSchema } from '../../src/api/build-result.ts';
import { statusSchema } from '../../src/api/status.ts';
import type { Selection } from '../../src/image/inputs.ts';
import { digestsOf, rememberedSource } from '../../src/image/remembered.ts';
import { resolveFiles } from '../../src/image/selection.ts';

const FILES = { 'requirements.txt': 'flytekit\n', 'app/main.py': 'print(1)\n' };
const SELECTIONS: Selection[] = [
  { copy: ['app'], copyAll: false },
  { copy: [], copyAll: true, sourceRoot: 'app', flytekit: true },
  { copy: ['app'], copyAll: false, requirements: 'requirements.txt' },
  { copy: ['app'], copyAll: false, requirements: 'requirements.txt', flytekit: true },
];

it.each(SELECTIONS)('%j', (selection) => {
  const resolved = resolveFiles(FILES, selection);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  const source = { ...resolved.source, revision: 'a'.repeat(40) };
  const told = lookResultSchema.parse(JSON.parse(JSON.stringify({ source: digestsOf(source) })));
  expect('source' in told && rememberedSource(selection, told.source)).toEqual(source);
  const kept = statusSchema.parse({ observedGeneration: 1, source: digestsOf(source) }).source;
  expect(kept && rememberedSource(selection, kept)).toEqual(source);
});
