/** The program `imagespec` as few files with nothing in them that it does not use: that is what makes it start fast. */
import { defineConfig } from 'rolldown';

export default defineConfig({
  input: { imagespec: 'src/cli/main.ts' },
  platform: 'node',
  output: { dir: 'dist/bin', format: 'esm', minify: true, chunkFileNames: '[name].js' },
});
