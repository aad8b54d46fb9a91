/**
 * `imagespec render` where there is nothing to say but the result: no options to explain, no mistake, no warning. The
 * bundle has it without zod and commander, which take most of the time that a right ImageSpec costs.
 */
import { readFileSync } from 'node:fs';
import type { Dialect } from '../../image/recipe.ts';
import { readSettings } from '../../settings-file.ts';
import { render, shown } from '../render.ts';

/** What each option may say; all take a value. */
const OPTIONS = new Map<string, { readonly name: string; readonly values?: readonly string[] }>([
  ['-f', { name: 'file' }],
  ['--file', { name: 'file' }],
  ['--settings', { name: 'settings' }],
  ['-o', { name: 'output', values: ['text', 'json'] }],
  ['--output', { name: 'output', values: ['text', 'json'] }],
  ['--dialect', { name: 'dialect', values: ['BuildKit', 'Plain'] }],
]);

/**
 * The text that `imagespec` prints for these arguments; undefined for whatever the whole program is needed.
 *
 * @param argv begins with `render`
 */
export function quickRender(argv: readonly string[]): string | undefined {
  try {
    const given = optionsOf(argv);
    if (given?.file === undefined || given.file === '-') return undefined;
    const settings = readSettings(given.settings === undefined ? '' : readFileSync(given.settings, 'utf8'));
    const source = { file: given.file, text: readFileSync(given.file, 'utf8') };
    const { findings, rendered } = render(source, settings, given.dialect as Dialect | undefined);
    return findings.length === 0 ? shown(rendered, given.output === 'json') : undefined;
  } catch {
    return undefined;
  }
}

function optionsOf([command, ...rest]: readonly string[]): Record<string, string> | undefined {
  if (command !== 'render' || rest.length % 2 > 0) return undefined;
  const given: Record<string, string> = {};
  for (let at = 0; at < rest.length; at += 2) {
    const option = OPTIONS.get(rest[at] as string);
    const value = rest[at + 1] as string;
    if (!option || value.startsWith('-') || option.values?.includes(value) === false) return undefined;
    if (given[option.name] !== undefined) return undefined;
    given[option.name] = value;
  }
  return given;
}
