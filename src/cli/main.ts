#!/usr/bin/env node
/** The program `imagespec`: starts fast, by the compiled code of the last time, and loads the rest. */
import { enableCompileCache } from 'node:module';

enableCompileCache();
// A reader such as `head` may have enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
const { run } = await import('./program.ts');
process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
