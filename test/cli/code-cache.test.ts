/** A file run by the code that was compiled of it before, each time by a new process, which has compiled nothing yet. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const LOADER = join(import.meta.dirname, '../../src/cli/quick/code-cache.ts');

let folder: string;
let file: string;
let cache: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-code-cache-'));
  file = join(folder, 'file.cjs');
  cache = join(folder, 'cache');
  mkdirSync(cache);
  writeFileSync(file, textSaying('one'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const textSaying = (word: string) =>
  `const { sep } = require('node:path'); exports.say = (name) => [sep, name, '…', '${word}'].join('');\n`;

/** What the file says, and whether there was code to keep after that. */
function run(where = JSON.stringify(cache), call = "exports.say('a')"): { said: string; kept: boolean } {
  const program = `
    import { load } from ${JSON.stringify(LOADER)};
    const { exports, keep } = load(${JSON.stringify(file)}, ${where});
    const said = ${call};
    keep?.();
    console.log(JSON.stringify({ said, kept: keep !== undefined }));`;
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' };
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '--eval', program], { env, encoding: 'utf8' }),
  );
}

/** The one file in the cache. */
function kept(): string {
  const names = readdirSync(cache);
  expect(names).toHaveLength(1);
  return join(cache, names[0] as string);
}

it('is compiled once', () => {
  expect(run()).toEqual({ said: '/a…one', kept: true });
  const code = readFileSync(kept());
  expect(run()).toEqual({ said: '/a…one', kept: false });
  expect(readFileSync(kept())).toEqual(code);
});

it('is kept with the functions that were called', () => {
  run(undefined, "'nothing'");
  const loaded = readFileSync(kept()).length;
  rmSync(kept());
  run();
  expect(readFileSync(kept()).length).toBeGreaterThan(1.2 * loaded);
});

it('is compiled anew when its text is another, even of the same length', () => {
  run();
  writeFileSync(file, textSaying('two'));
  expect(run()).toEqual({ said: '/a…two', kept: true });
  expect(run()).toEqual({ said: '/a…two', kept: false });
});

it.each([
  ['one bit of the code is another', (code: Buffer) => code.with(code.length - 8, ~(code.at(-8) as number))],
  ['the end of the code is missing', (code: Buffer) => code.subarray(0, -100)],
  ['there is nothing in the file', () => Buffer.of()],
])('is compiled anew when %s', (_title, damaged) => {
  run();
  const whole = readFileSync(kept());
  writeFileSync(kept(), damaged(whole));
  expect(run()).toEqual({ said: '/a…one', kept: true });
  expect(run()).toEqual({ said: '/a…one', kept: false });
});

const byRoot = process.getuid?.() === 0;
it.skipIf(!byRoot)(
  `is compiled anew when another user kept it${byRoot ? '' : ' (left out: only root can change an owner)'}`,
  () => {
    run();
    chownSync(kept(), 12_345, 12_345);
    expect(run()).toEqual({ said: '/a…one', kept: true });
    expect(run()).toEqual({ said: '/a…one', kept: false });
  },
);

it('runs where nothing can be kept', () => {
  expect(run(JSON.stringify(join(folder, 'nowhere'))).said).toBe('/a…one');
  expect(run()).toEqual({ said: '/a…one', kept: true });
});

it('runs where Node keeps nothing', () => {
  expect(run('undefined')).toEqual({ said: '/a…one', kept: false });
});
