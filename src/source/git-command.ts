/**
 * Runs git so that a repository, its server and the machine's own configuration decide nothing: no hooks, no filters,
 * no submodules, no prompts, no protocol but http(s) and ssh, and bounds on output, disk and time.
 *
 * There is never a work tree: files are read as objects, so that no name or link of a repository touches the disk.
 */
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../settings.ts';

export interface GitOptions {
  /** The bare repository. */
  readonly repository: string;
  /** PEM of all certificate authorities. */
  readonly caFile: string;
  readonly proxy?: Settings['proxy'];
  /** File of `git credential-store`, if there is a login. */
  readonly credentials?: string | undefined;
  /** Configuration of ssh, if the repository is reached by it. */
  readonly sshConfig?: string | undefined;
}

export interface Bounds {
  readonly timeoutMs: number;
  /** Most bytes of output. */
  readonly mostOutput: number;
  /** Most bytes of packs on disk. */
  readonly mostDisk?: number;
}

/** How one command ended; `ended` is what stopped it, if not itself. */
export interface GitResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  /** Its end. */
  readonly stderr: string;
  readonly stopped?: 'time' | 'output' | 'disk';
}

const MOST_STDERR = 16 * 1024;
const DISK_LOOK_MS = 250;

/** @param input goes to its standard input; @param consume gets its output in place of `stdout` */
export function git(
  options: GitOptions,
  args: readonly string[],
  bounds: Bounds,
  input: string = '',
  consume?: (piece: Buffer) => void,
): Promise<GitResult> {
  const { promise, resolve, reject } = Promise.withResolvers<GitResult>();
  // A group of its own: git's helpers end with it.
  const child = spawn('git', [...settingsOf(options), ...args], {
    env: environmentOf(options),
    cwd: options.repository,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stopped: GitResult['stopped'];
  let wrong: unknown;
  const stop = (why: GitResult['stopped']) => {
    stopped ??= why;
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  const timer = setTimeout(stop, bounds.timeoutMs, 'time');
  const packs = join(options.repository, 'objects', 'pack');
  const watch = setInterval(() => {
    if (bounds.mostDisk !== undefined && sizeOf(packs) > bounds.mostDisk) stop('disk');
  }, DISK_LOOK_MS);

  const output: Buffer[] = [];
  let bytes = 0;
  let stderr = '';
  child.stdout.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > bounds.mostOutput) return stop('output');
    try {
      if (consume) consume(piece);
      else output.push(piece);
    } catch (error) {
      wrong = error;
      stop('output');
    }
  });
  child.stderr.on('data', (piece: Buffer) => {
    stderr = (stderr + piece.toString()).slice(-MOST_STDERR);
  });
  // It may end before it has read everything; its exit code tells.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const over = () => {
    clearTimeout(timer);
    clearInterval(watch);
  };
  child.once('error', (error) => {
    over();
    reject(error);
  });
  child.once('close', (code) => {
    over();
    if (wrong !== undefined) reject(wrong);
    else resolve({ code, stdout: Buffer.concat(output), stderr, ...(stopped ? { stopped } : {}) });
  });
  return promise;
}

function settingsOf({ caFile, credentials }: GitOptions): string[] {
  const settings = {
    'core.hooksPath': '/dev/null',
    'core.askPass': '',
    'core.bigFileThreshold': '16m',
    'gc.auto': '0',
    'maintenance.auto': 'false',
    'fetch.recurseSubmodules': 'false',
    // Whatever comes stays one pack, whose size can be watched.
    'fetch.unpackLimit': '1',
    'pack.threads': '1',
    'protocol.version': '2',
    'http.sslVerify': 'true',
    'http.sslCAInfo': caFile,
    'http.proxySSLCAInfo': caFile,
    // The first one empties the list of helpers.
    'credential.helper': '',
  };
  const list = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return credentials === undefined
    ? list
    : [...list, '-c', `credential.helper=store --file='${credentials}'`];
}

function environmentOf({ repository, proxy, sshConfig }: GitOptions): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: repository,
    LC_ALL: 'C.UTF-8',
    GIT_DIR: repository,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'http:https:ssh',
    GIT_HTTP_LOW_SPEED_LIMIT: '100',
    GIT_HTTP_LOW_SPEED_TIME: '60',
    GIT_SSH_VARIANT: 'ssh',
    // Without a Secret for it, ssh is not used at all.
    GIT_SSH_COMMAND: sshConfig === undefined ? 'false' : `ssh -F '${sshConfig}'`,
    ...(proxy?.http === undefined ? {} : { http_proxy: proxy.http }),
    ...(proxy?.https === undefined ? {} : { https_proxy: proxy.https }),
    ...(proxy === undefined ? {} : { no_proxy: proxy.noProxy.join(',') }),
  };
}

/** Bytes of the files in a folder. */
function sizeOf(folder: string): number {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  } catch {
    // git renames while we look.
    return 0;
  }
}
