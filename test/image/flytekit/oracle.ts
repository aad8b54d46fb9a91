/**
 * The real flytekit, asked: a Python process with the package from PyPI, in an environment that is made once and kept.
 *
 * Needs python3 with pip; uv finds or fetches Python 3.11, whose table of printable characters ours is.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cached } from '../../../scripts/cluster/cache.ts';
import { run } from '../../../scripts/cluster/run.ts';
import { UV_VERSION } from '../../../scripts/images/uv.ts';
import type { Printed, Value } from '../../../src/image/flytekit/python.ts';
import { type Arguments, type Identity, isArguments } from './arguments.ts';

/** The flytekit that the profile follows; the operator's setting names the same by default. */
const FLYTEKIT_VERSION = '1.16.31';

/** Its identity, or what it raised. */
export type Answer = Identity | { readonly error: string; readonly message: string };

export interface Oracle {
  /** @param folder where relative paths begin */
  ask(given: Arguments, folder?: string): Promise<Answer>;
  /** The same of a YAML file. */
  askYaml(text: string, folder: string): Promise<Answer>;
  end(): Promise<void>;
}

/** The Python that has flytekit. */
export const flytekitPython = async () => join(await environment(), 'venv', 'bin', 'python');

/** Starts it; it ends with us. */
export async function startOracle(): Promise<Oracle> {
  const python = await flytekitPython();
  const child = spawn(python, [join(import.meta.dirname, 'oracle.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, FLYTE_SDK_LOGGING_LEVEL: '50', PYTHONHASHSEED: '0' },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answerTo = async (question: object) => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error('flytekit ended instead of answering');
    return JSON.parse(value) as Answer;
  };
  return {
    ask: (given, folder) => answerTo({ spec: pairs(given), ...(folder ? { folder } : {}) }),
    askYaml: (text, folder) => answerTo({ yaml: text, folder }),
    async end() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function environment(): Promise<string> {
  return await cached(
    'flytekit',
    [FLYTEKIT_VERSION, UV_VERSION],
    async (folder) => {
      const tools = join(folder, 'tools');
      await run('python3', ['-m', 'pip', 'install', '--quiet', `--target=${tools}`, `uv==${UV_VERSION}`]);
      const uv = join(tools, 'bin', 'uv');
      const venv = join(folder, 'venv');
      await run(uv, ['venv', '--quiet', '--relocatable', '--python=3.11', venv]);
      const python = `--python=${join(venv, 'bin', 'python')}`;
      await run(uv, ['pip', 'install', '--quiet', python, `flytekit==${FLYTEKIT_VERSION}`]);
    },
    { title: `Installing flytekit ${FLYTEKIT_VERSION}`, usually: '30 s' },
  );
}

/** JSON has no order of keys that JavaScript keeps for all of them, and no enum. */
function encoded(value: Value | Arguments): unknown {
  if (Array.isArray(value)) return value.map(encoded);
  if (value instanceof Map) return { dict: Array.from(value, ([key, item]) => [key, encoded(item)]) };
  if (typeof value !== 'object' || value === null) return value;
  return isArguments(value)
    ? { spec: pairs(value) }
    : { enum: /\.(\w+):/.exec((value as Printed).printed)?.[1] };
}

const pairs = (given: Arguments) =>
  Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, encoded(value)]]));
