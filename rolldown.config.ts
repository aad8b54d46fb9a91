/**
 * The program `imagespec` as few files with nothing in them that it does not use: that is what makes it start fast.
 * The way of a right ImageSpec through `render` has a file of its own, without zod and commander, which
 * `src/cli/quick/code-cache.ts` runs.
 */
import { resolve } from 'node:path';
import type { OutputOptions, RolldownOptions } from 'rolldown';

const output: OutputOptions = {
  dir: 'dist/bin',
  format: 'cjs',
  minify: true,
  dynamicImportInCjs: false,
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name].cjs',
};

export const quick: RolldownOptions & { output: OutputOptions } = {
  input: { quick: 'src/cli/quick/render.ts' },
  platform: 'node',
  resolve: { alias: { zod: resolve('src/cli/quick/zod.ts') } },
  output,
};

const whole: RolldownOptions = {
  input: { imagespec: 'src/cli/main.ts' },
  platform: 'node',
  output,
};

export default [quick, whole];
