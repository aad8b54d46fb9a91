/**
 * The bytes of recipe v1. A golden file that changes renames nothing but makes the same tag hold another
 * image, so a difference here is an error, not an update, once v1 is released.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recipeOf } from '../../src/image/recipe.ts';
import { targetOf } from '../../src/image/target.ts';
import { imageSpec, settings } from '../support/objects.ts';

function render(spec: object) {
  const judged = targetOf(imageSpec(spec), settings);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  return recipeOf(judged.target);
}

const golden = {
  nothing: {},
  packages: { packages: ['requests', 'pydantic==2.*'] },
  apt: { aptPackages: ['git', 'curl'] },
  everything: {
    baseImage: 'ghcr.io/acme/base:1',
    pythonVersion: '3.11',
    packages: ['pandas==2.2.3'],
    aptPackages: ['curl'],
    env: [
      { name: 'GREETING', value: 'hello "world" $HOME $(id) `id` \\' },
      { name: 'PATH', value: '/opt/mine/bin:/usr/bin' },
    ],
    commands: ['mkdir -p /data', 'printf %s "it\'s $((1+1))" > /data/made'],
    entrypoint: ['python', '-c', 'print("$HOME \u2028 \\n")'],
    workdir: '/srv/app',
    user: '1000:1000',
    labels: { 'org.opencontainers.image.title': 'a "title"', b: '$x' },
  },
};

describe('golden recipes', () => {
  it.each(Object.entries(golden))('%s', async (name, spec) => {
    const { dockerfile, files, args } = render(spec);
    const parts = {
      Dockerfile: dockerfile,
      ...files,
      'build arguments': `${JSON.stringify(args, undefined, 2)}\n`,
    };
    const text = Object.entries(parts)
      .map(([part, content]) => `=== ${part}\n${content}`)
      .join('');
    await expect(text).toMatchFileSnapshot(`golden/${name}.txt`);
  });
});

/** Instructions of a rendered Dockerfile; it uses no continuation lines and no heredocs. */
const instructions = (dockerfile: string) =>
  dockerfile
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ')[0]);

describe('no user text changes the shape of the Dockerfile', () => {
  const hostile = fc.oneof(
    fc.constantFrom(
      '\n',
      '\r\n',
      '\u2028',
      '\u0085',
      '"',
      "'",
      '`id`',
      '$(id)',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of Dockerfiles and shells
      '${PATH}',
      '\\',
      '\\\n',
      '#',
      '<<EOF',
      'EOF',
      '-',
      '--',
      '\nRUN id',
      '" OTHER="x',
      '\t',
      '\x1b[0m',
      '😀',
      '\ud800',
    ),
    fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
  );
  const text = fc.array(hostile, { maxLength: 6 }).map((parts) => parts.join(''));

  it('values of env and labels, commands and the entrypoint never stand in it as shell or structure', () => {
    const plain = render({
      env: [{ name: 'A', value: '' }],
      labels: { l: '' },
      commands: [''],
      entrypoint: ['x'],
    });
    fc.assert(
      fc.property(text, text, text, text, (env, label, command, entry) => {
        const given = {
          env: [{ name: 'A', value: env }],
          labels: { l: label },
          commands: [command],
          entrypoint: [entry],
        };
        const { dockerfile, args, files } = render(given);
        expect(instructions(dockerfile)).toEqual(instructions(plain.dockerfile));
        // Printable ASCII and line ends only: nothing that any reader of lines could take for an end.
        expect(dockerfile).toMatch(/^[\x20-\x7e\n]*$/);
        expect(Object.values(args)).toEqual([env, label]);
        expect(files['commands/commands.sh']).toBe(`${command}\n`);
        const line = dockerfile.split('\n').find((one) => one.startsWith('ENTRYPOINT '));
        expect(JSON.parse(line?.slice('ENTRYPOINT '.length) ?? '')).toEqual([entry]);
        const others = (one: string) => one.split('\n').filter((l) => !/^(ENTRYPOINT|RUN|LABEL) /.test(l));
        expect(others(dockerfile)).toEqual(others(plain.dockerfile));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the text of a step changes exactly when what it reads changes', () => {
  const runs = (spec: object) =>
    render(spec)
      .dockerfile.split('\n')
      .filter((line) => line.startsWith('RUN '));
  it('other packages, other line', () => {
    expect(runs({ packages: ['a'] })).not.toEqual(runs({ packages: ['b'] }));
  });
  it('one more apt package leaves the step for Python as it is', () => {
    const [, before] = runs({ aptPackages: ['curl'], packages: ['a'] });
    const [, after] = runs({ aptPackages: ['curl', 'git'], packages: ['a'] });
    expect(after).toBe(before);
  });
});
