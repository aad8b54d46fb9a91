#!/usr/bin/env node
/** The program `imagespec`: starts fast, by the compiled code of the last time, and loads no more than it needs. */
import { enableCompileCache } from 'node:module';

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'render') {
    const { quickRender } = await import('./quick/render.ts');
    const text = quickRender(argv);
    if (text !== undefined) {
      process.stdout.write(text);
      return 0;
    }
  }
  const { run } = await import('./program.ts');
  return await run(argv, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}

enableCompileCache();
// A reader such as `head` may have enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
