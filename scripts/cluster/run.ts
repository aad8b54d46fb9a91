/**
 * Runs another program to its end. What it says is kept; if it fails, the error carries its last lines.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** How a program is run. */
export interface RunOptions {
  readonly cwd?: string;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Given to the program on its standard input, which is empty otherwise. */
  readonly input?: string | Uint8Array;
  /** A file that everything the program says is appended to. */
  readonly log?: string;
}

const LAST_LINES = 25;
const KEPT_CHARACTERS = 64 * 1024;

/**
 * Runs `command` without a shell and resolves with its whole standard output once it exits with 0.
 * Otherwise throws an Error with the program's last lines and, if there is one, the path of its log.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ stdout: string }> {
  if (options.log) await mkdir(dirname(options.log), { recursive: true });
  const log = options.log ? createWriteStream(options.log, { flags: 'a' }) : undefined;
  log?.write(`$ ${command} ${args.join(' ')}\n`);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {}); // a program may end without reading its input
  child.stdin.end(options.input);
  const stdout: Buffer[] = [];
  let tail = '';
  const keep = (chunk: Buffer) => {
    log?.write(chunk);
    tail = (tail + chunk.toString()).slice(-KEPT_CHARACTERS);
  };
  child.stdout.on('data', (chunk: Buffer) => {
    stdout.push(chunk);
    keep(chunk);
  });
  child.stderr.on('data', keep);
  const outcome = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(`could not be started: ${error.message}`));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal ? `was ended by ${signal}` : `failed with exit code ${code}`);
    });
  });
  await new Promise<void>((resolve) => (log ? log.end(resolve) : resolve()));
  if (outcome === undefined) return { stdout: Buffer.concat(stdout).toString() };
  const where = options.log ? `\nIts whole output: ${options.log}` : '';
  const lines = tail.trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  throw new Error(`${[command, ...args].join(' ').slice(0, 300)} ${outcome}.\n${lines}${where}`);
}
