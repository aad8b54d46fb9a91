/**
 * The quick way of `render`, made by the bundler as the program has it: what it says is what the whole program says,
 * and for everything else it leaves the word to it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quick } from '../../rolldown.config.ts';
import { run } from '../../src/cli/program.ts';
import { yamlText } from '../../src/cli/yaml-text.ts';
import { BESIDE, spoken, VALUES } from '../api/values.ts';
import { representable } from '../image/flytekit/representable.ts';

let folder: string;
let quickRender: (argv: readonly string[]) => string | undefined;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-quick-'));
  const { output, ...input } = quick;
  const bundle = await rolldown(input);
  await bundle.write({ ...output, dir: folder });
  await bundle.close();
  quickRender = createRequire(import.meta.url)(join(folder, 'quick.cjs')).quickRender;
});
afterAll(() => rmSync(folder, { recursive: true }));

const put = (name: string, text: string) => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};
const imageSpec = (spec: object) =>
  yamlText({ apiVersion: 'imagespec.dev/v1alpha1', kind: 'ImageSpec', metadata: { name: 'a' }, spec });

/** Exit code, output and complaints of the whole program. */
async function whole(argv: readonly string[]) {
  const said = { out: '', err: '' };
  const code = await run(argv, {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  });
  return { code, ...said };
}

/** That both say the same, or the quick one nothing; true if it spoke. */
async function alike(argv: readonly string[]): Promise<boolean> {
  const quick = quickRender(argv);
  if (quick === undefined) return false;
  expect(await whole(argv)).toEqual({ code: 0, out: quick, err: '' });
  return true;
}

it('is free of zod and commander', () => {
  const text = readFileSync(join(folder, 'quick.cjs'), 'utf8');
  expect(text).not.toContain('ZodError');
  expect(text).not.toContain('CommanderError');
});

it('answers for the sample, in every way there is', async () => {
  const settings = put('settings.yaml', 'defaults: {registry: ghcr.io/acme}\n');
  const sample = ['render', '-f', 'manifests/samples/hello.yaml', '--settings', settings];
  for (const more of [
    [],
    ['-o', 'json'],
    ['--output', 'text'],
    ['--dialect', 'Plain'],
    ['--dialect', 'BuildKit', '-o', 'json'],
  ]) {
    expect(await alike([...sample, ...more]), more.join(' ')).toBe(true);
  }
});

describe('for any value of a field it says what the whole program says, or nothing:', () => {
  it.each(Object.entries(VALUES))(
    'spec.%s',
    async (field, values) => {
      for (const value of values) {
        const file = put('value.yaml', imageSpec({ registry: 'a.io', ...BESIDE[field], [field]: value }));
        await alike(['render', '-f', file, '-o', 'json']).catch((error: unknown) => {
          throw new Error(spoken(value), { cause: error });
        });
      }
    },
    60_000,
  );

  it('and it speaks for whatever is right', async () => {
    await fc.assert(
      fc.asyncProperty(representable, async ({ spec }) => {
        const right = {
          ...spec,
          builderOptions: undefined,
          source: undefined,
          copy: undefined,
          requirements: undefined,
          sourceRoot: undefined,
          sourceCopyMode: undefined,
        };
        expect(await alike(['render', '-f', put('right.yaml', imageSpec(right)), '-o', 'json'])).toBe(true);
      }),
      { numRuns: 50 },
    );
  }, 60_000);
});

describe('it leaves to the whole program', () => {
  it.each([
    ['help', ['render', '--help']],
    ['another command', ['validate', '-f', 'manifests/samples/hello.yaml']],
    ['standard input', ['render', '-f', '-']],
    ['a file that is not there', ['render', '-f', '/nowhere.yaml']],
    ['an option twice', ['render', '-f', 'a', '-f', 'b']],
    ['a value that is none', ['render', '-f', 'a', '-o', 'xml']],
    ['an option without value', ['render', '-f']],
    ['an option nobody knows', ['render', '--fast', 'a']],
    ['no file', ['render', '-o', 'json']],
  ])('%s', (_title, argv) => {
    expect(quickRender(argv)).toBeUndefined();
  });

  it.each([
    ['a field that nobody knows', { registry: 'a.io', pakages: [] }],
    ['a mistake', { registry: 'a.io', packages: ['-r x'] }],
    ['a mistake between fields', { registry: 'a.io', cudnn: '9' }],
    ['a registry that nobody names', {}],
    ['what only the cluster knows', { registry: 'a.io', baseImageSpecRef: { name: 'b' } }],
    ['options that the builder does not know', { registry: 'a.io', builderOptions: { speed: 1 } }],
  ])('%s', (_title, spec) => {
    expect(quickRender(['render', '-f', put('odd.yaml', imageSpec(spec))])).toBeUndefined();
  });

  it('an option that is a word of JavaScript', () => {
    const file = put('good.yaml', imageSpec({ registry: 'a.io' }));
    expect(quickRender(['render', '-f', file])).toBeDefined();
    expect(quickRender(['render', 'constructor', 'a', '-f', file])).toBeUndefined();
  });

  it('settings with a mistake', () => {
    const argv = ['render', '-f', put('good.yaml', imageSpec({ registry: 'a.io' })), '--settings'];
    expect(quickRender([...argv, put('s.yaml', 'defaults: {registri: x}')])).toBeUndefined();
    expect(quickRender([...argv, put('s.yaml', 'concurrency: {builds: 0}')])).toBeUndefined();
  });
});
