import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/program.ts';

let folder: string;
const put = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
let good: string;
let bad: string;
let settings: string;
let flytekit: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-cli-'));
  const object = (spec: string) =>
    `apiVersion: imagespec.dev/v1alpha1\nkind: ImageSpec\nmetadata: {name: a}\nspec: ${spec}\n`;
  good = put('good.yaml', object('{packages: [pandas]}'));
  bad = put('bad.yaml', object('{packages: [-r x]}'));
  settings = put('settings.yaml', 'defaults: {registry: ghcr.io/acme}\n');
  flytekit = put('flytekit.yaml', 'registry: ghcr.io/acme\npython_version: "3.12"\npackages: [pandas]\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Exit code and what was written where. */
async function ran(...argv: string[]) {
  let out = '';
  let err = '';
  const code = await run(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

it('render: text for people, JSON for programs', async () => {
  const text = await ran('render', '-f', good, '--settings', settings);
  expect(text).toMatchObject({ code: 0, err: '' });
  expect(text.out).toMatch(/^name {7}a\nimage {6}ghcr\.io\/acme\/a:[0-9a-f]{32}\n/);
  const json = JSON.parse((await ran('render', '-f', good, '--settings', settings, '-o', 'json')).out);
  expect(Object.keys(json)).toEqual(
    expect.arrayContaining(['image', 'tag', 'specHash', 'dockerfile', 'files']),
  );
  const plain = JSON.parse(
    (await ran('render', '-f', good, '--settings', settings, '-o', 'json', '--dialect', 'Plain')).out,
  );
  expect(plain.dialect).toBe('Plain');
  expect(plain.tag).toBe(json.tag);
});

it('validate: what is good on standard output, what is not on the other', async () => {
  const both = await ran('validate', '-f', good, bad, '--settings', settings);
  expect(both.code).toBe(1);
  expect(both.out).toContain(`${good}: a is valid: ghcr.io/acme/a:`);
  expect(both.err).toContain(`${bad}:4: spec.packages[0]: write one requirement`);
  expect((await ran('validate', '-f', good, '-f', good)).code).toBe(0);
});

it('convert: ImageSpecs on standard output, and nothing where something is refused', async () => {
  const { code, out, err } = await ran('convert', flytekit, '--name', 'given');
  expect(code).toBe(0);
  expect(out).toContain('metadata:\n  name: given\n');
  expect(err).toContain('warning: ');
  const refused = await ran('convert', put('refused.yaml', 'packages: {a: 1}'), '--profile', 'Flytekit');
  expect(refused).toMatchObject({ code: 1, out: '' });
});

describe('a wrong command ends with 2 and says what is wrong', () => {
  it.each([
    [['render'], "required option '-f, --file <FILE>' not specified"],
    [['rendr'], "unknown command 'rendr'"],
    [['render', '-f', 'x', '-o', 'xml'], 'Allowed choices are text, json'],
    [['render', '-f', '/nowhere.yaml'], '/nowhere.yaml: there is no such file'],
    [['validate', '-f', '/'], '/: this is a folder; name the files in it'],
    [['convert', 'x', '--profile', 'flyte'], 'Allowed choices are Generic, Flytekit'],
  ])('%j', async (argv, words) => {
    const { code, out, err } = await ran(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
  });

  it('settings that do not fit', async () => {
    const wrong = put('wrong.yaml', 'defaults: {registri: x}');
    const { code, err } = await ran('validate', '-f', good, '--settings', wrong);
    expect(code).toBe(2);
    expect(err).toContain(`${wrong}:1: defaults.registri: there is no such field; did you mean registry?`);
  });
});

describe('--help', () => {
  it.each(['render', 'validate', 'convert'])(
    'of %s says what it does, its options and exit codes',
    async (command) => {
      const { code, out } = await ran(command, '--help');
      expect(code).toBe(0);
      expect(out).toContain(`Usage: imagespec ${command} [options]`);
      expect(out).toContain('Exit code: 0 all is well');
    },
  );

  it('names the commands, and so does a call without one', async () => {
    expect((await ran('--help')).out).toMatch(/render .*\n.*validate .*\n.*convert /);
    expect(await ran()).toMatchObject({ code: 2, err: expect.stringContaining('Usage: imagespec') });
  });
});
