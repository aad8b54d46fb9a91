#!/usr/bin/env node
/** The program `imagespec`: starts fast, by the compiled code of the last time, and loads no more than it needs. */
import { existsSync, writeSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { load } from './quick/code-cache.ts';

/** As package.json asks for; what an older one lacks would show as an error of JavaScript. */
const OLDEST_NODE = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(`imagespec needs Node ${OLDEST_NODE} or later; this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  enableCompileCache();
  // When all is done, taking the heap down is all that is left; this leaves it out.
  process.on('beforeExit', () => process.exit());
  void main(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}

async function main(argv: readonly string[]): Promise<number> {
  const file = join(import.meta.dirname, 'quick.cjs');
  // Only the bundler makes it; the sources run without.
  if (argv[0] === 'render' && existsSync(file)) {
    const quick = load<typeof import('./quick/render.ts')>(file);
    const text = quick.exports.quickRender(argv);
    if (text !== undefined) {
      print(text);
      quick.keep?.();
      return 0;
    }
  }
  // A reader such as `head` may have enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { run } = await import('./program.ts');
  return await run(argv, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}

/** Writes to standard output without its stream, which takes as long to load as the text takes to make. */
function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      // A full pipe that does not wait.
      if (code !== 'EAGAIN') throw error;
    }
  }
}
