/**
 * Programs as few files with nothing in them that they do not use: that is what makes them start fast.
 *
 * Of `imagespec`, the way of a right ImageSpec through `render` has a file of its own, without zod and commander, which
 * `src/cli/quick/code-cache.ts` runs. The program of the steps starts twice in every build, on a node that has other
 * things to do.
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

const step: RolldownOptions = {
  input: { step: 'src/step/main.ts' },
  platform: 'node',
  // Readable, for the traces that end up in a pod's log.
  output: { ...output, minify: false },
};

export default [quick, whole, step];
