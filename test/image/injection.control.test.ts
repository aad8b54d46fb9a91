/**
 * No text of a user changes what a recipe does: a hundred thousand hostile specs, read back by BuildKit's own parser.
 *
 * Each is compared with a spec of the same shape and harmless words. Its Dockerfile must be the same instructions, with
 * the user's words where the harmless ones stood, and its scripts must be the same bytes.
 */
import { deepStrictEqual as deepEqual, strictEqual as equal, ok } from 'node:assert';
import fc from 'fast-check';
import { afterAll, test } from 'vitest';
import { onPath } from '../../scripts/cluster/prerequisites.ts';
import { type Dialect, type Recipe, recipeOf } from '../../src/image/recipe.ts';
import { readRequirement } from '../../src/image/requirement.ts';
import { type Target, targetOf } from '../../src/image/target.ts';
import { type Read, startDockerfileReader } from '../support/dockerfile-reader.ts';
import { type HostileSpec, hostileSpec } from '../support/hostile-spec.ts';
import { imageSpec, settings } from '../support/objects.ts';

const RUNS = 100_000;

let reader: Awaited<ReturnType<typeof startDockerfileReader>>;
afterAll(() => reader?.stop());

type Shape = Omit<HostileSpec, 'folder'>;

/** The source of the spec, as a look at it would have found it. */
function inputsOf({ source, requirements, copy, sourceCopyMode }: Shape) {
  if (source === undefined) return {};
  const kind = requirements?.slice(requirements.lastIndexOf('/') + 1) as 'uv.lock' | undefined;
  const copied = (copy ?? []).length > 0 || sourceCopyMode === 'All';
  const digest = '0'.repeat(64);
  return {
    source: {
      digest,
      copied,
      flytekit: {},
      ...(requirements === undefined || kind === undefined
        ? {}
        : { requirements: { kind, main: requirements, digest } }),
    },
  };
}

/** Harmless words, and what each stands for. They sort as the words they stand for. */
class Words {
  readonly #meant = new Map<string, string>();
  #next = 0;

  /** A word for `meant`: in the harmless spec `before`, the word and `after`; meant is only what the word stands for. */
  word(meant: string, before = '', after = ''): string {
    const word = `word${String(this.#next++).padStart(3, '0')}z`;
    this.#meant.set(word, meant);
    return `${before}${word}${after}`;
  }

  /** A text that follows from all of the harmless spec, and the one that follows from the other. */
  follows(harmless: string | undefined, other: string | undefined): void {
    this.#meant.set(harmless ?? '', other ?? '');
  }

  /** A text with harmless words, as it should be with the words they stand for. */
  meant(text: string): string {
    return this.#meant.get(text) ?? text.replace(/word\d{3}z/g, (word) => this.#meant.get(word) ?? word);
  }
}

const unique = (list: readonly string[] | undefined) => [...new Set(list ?? [])].sort();

/** The same shape in harmless words. */
function harmless(spec: Shape, words: Words): object {
  const path = (text: string) => (text === '/' ? text : words.word(text.slice(1), '/'));
  const normal = (spec.packages ?? []).map((text) => {
    const read = readRequirement(text);
    return read.ok ? read.normal : text;
  });
  return {
    ...spec,
    ...(spec.baseImage === undefined ? {} : { baseImage: words.word(spec.baseImage) }),
    ...(spec.pythonExec === undefined ? {} : { pythonExec: path(spec.pythonExec) }),
    ...(spec.workdir === undefined ? {} : { workdir: path(spec.workdir) }),
    packages: unique(normal).map((text) => words.word(text)),
    aptPackages: unique(spec.aptPackages).map((text) => words.word(text)),
    condaPackages: unique(spec.condaPackages).map((text) => words.word(text)),
    condaChannels: (spec.condaChannels ?? []).map((text) => words.word(text)),
    ...(spec.pipIndex === undefined ? {} : { pipIndex: words.word(spec.pipIndex, 'https://') }),
    pipExtraIndexUrls: (spec.pipExtraIndexUrls ?? []).map((text) => words.word(text, 'https://')),
    pipExtraArgs: (spec.pipExtraArgs ?? []).map((text) => words.word(text)),
    pipSecretMounts: spec.pipSecretMounts.map((mount) => ({ ...mount, path: path(mount.path) })),
    copy: (spec.copy ?? []).map((text) => words.word(text)),
    ...(spec.requirements === undefined
      ? {}
      : { requirements: spec.requirements.replace(/^.*(?=\/)/s, (folder) => words.word(folder)) }),
    env: unique(spec.env.map(({ name }) => name)).map((name) => ({
      name: name === 'PATH' ? name : words.word(name),
      value: words.word(spec.env.find((entry) => entry.name === name)?.value ?? ''),
    })),
    labels: Object.fromEntries(
      unique(Object.keys(spec.labels)).map((name) => [words.word(name), words.word(spec.labels[name] ?? '')]),
    ),
    ...(spec.commands === undefined ? {} : { commands: spec.commands.map((text) => words.word(text)) }),
    ...(spec.entrypoint === undefined ? {} : { entrypoint: spec.entrypoint.map((text) => words.word(text)) }),
  };
}

/** Digests differ where contents do. */
const withoutDigests = (text: string) => text.replace(/\b[0-9a-f]{64}\b/g, '<digest>');

/**
 * How many entries a list has: those of pip's as Python's `str.splitlines` sees them, the strictest of its readers; others
 * end with a line feed or NUL.
 */
const entriesOf = (name: string, text: string) =>
  text.split(name.endsWith('requirements.txt') ? PYTHON_LINES : /[\n\0]/).length;
// biome-ignore lint/suspicious/noControlCharactersInRegex: some of them end lines
const PYTHON_LINES = /[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;

function targetFor(spec: Shape): Target | undefined {
  const judged = targetOf(imageSpec(spec), settings, inputsOf(spec));
  return judged.ok ? judged.target : undefined;
}

const rendered = (spec: Shape, target: Target, dialect: Dialect) =>
  recipeOf(target, { dialect, secretPaths: spec.pipSecretMounts.map(({ path }) => path) });

/** The instructions as text, with the words that `mean` puts in. */
function shown({ instructions }: Read, mean: (text: string) => string): string[] {
  return instructions.map((one) => {
    const texts = [one.words, one.flags ?? []].map((list) => list.map((text) => withoutDigests(mean(text))));
    return JSON.stringify([one.name, one.shell ?? false, ...texts]);
  });
}

async function compare(recipe: Recipe, plain: Recipe, words: Words, commands: readonly string[]) {
  // Nothing that any reader could take for more than what it is.
  ok(/^[\x20-\x7e\n]*$/.test(recipe.dockerfile), recipe.dockerfile);
  const [read, expected] = await Promise.all([
    reader.read(recipe.dockerfile, recipe.args),
    reader.read(plain.dockerfile, plain.args),
  ]);
  const { instructions: _, ...rest } = read;
  deepEqual(rest, { escape: '\\', heredocs: 0, warnings: 0 });
  deepEqual(
    shown(read, (text) => text),
    shown(expected, (text) => words.meant(text)),
  );

  const labels = Object.entries(plain.labels).map(([name, value]) => [words.meant(name), words.meant(value)]);
  deepEqual(recipe.labels, Object.fromEntries(labels));

  deepEqual(Object.keys(recipe.files), Object.keys(plain.files));
  for (const [name, content] of Object.entries(recipe.files)) {
    const other = plain.files[name] ?? '';
    if (name.endsWith('/commands.sh')) equal(content, commands.map((line) => `${line}\n`).join(''));
    else if (name.endsWith('.sh')) equal(content, other);
    else equal(entriesOf(name, content), entriesOf(name, other), `${name}: ${content}`);
  }
}

const DIALECTS: readonly Dialect[] = ['BuildKit', 'Plain'];

const title = `${RUNS} hostile specs give the instructions of harmless ones`;
// Machines with Docker may do without Go.
test.runIf(onPath('go'))(title, { timeout: 900_000 }, async () => {
  reader = await startDockerfileReader();
  const property = fc.asyncProperty(hostileSpec, async (spec) => {
    const target = targetFor(spec);
    fc.pre(target !== undefined);
    const words = new Words();
    const plainSpec = harmless(spec, words) as Shape;
    const plain = targetFor(plainSpec);
    if (target === undefined || plain === undefined) throw new Error('The harmless spec is refused');
    words.follows(plain.effective.flytekitId, target.effective.flytekitId);
    words.follows(plain.specHash, target.specHash);
    await Promise.all(
      DIALECTS.map((dialect) => {
        const recipes = [rendered(spec, target, dialect), rendered(plainSpec, plain, dialect)] as const;
        return compare(...recipes, words, spec.commands ?? []);
      }),
    );
  });
  // Several at a time: the parser reads while the next ones are rendered.
  await Promise.all(Array.from({ length: 4 }, () => fc.assert(property, { numRuns: RUNS / 4 })));
});
