import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../scripts/cluster/run.ts';

test('gives the whole standard output', async () => {
  expect(await run('sh', ['-c', 'echo answer; echo noise >&2'])).toEqual({ stdout: 'answer\n' });
});

test('hands over input and environment', async () => {
  const options = { input: 'in', env: { NAME: 'value' } };
  expect(await run('sh', ['-c', 'cat; echo " $NAME"'], options)).toEqual({ stdout: 'in value\n' });
});

test('tells the last lines of a program that failed, and where the rest is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imagespec-run-'));
  const log = join(folder, 'logs', 'program.log');
  const failing = run('sh', ['-c', 'seq 100; echo the reason >&2; exit 3'], { log });
  await expect(failing).rejects.toThrow(/failed with exit code 3.*100\nthe reason\n.*program\.log/s);
  await expect(failing).rejects.not.toThrow(/\n50\n/);
  expect(await readFile(log, 'utf8')).toContain('\n50\n');
  await rm(folder, { recursive: true });
});

test('tells a program that is not there from one that failed', async () => {
  await expect(run('no-such-program', [])).rejects.toThrow(/could not be started/);
});
