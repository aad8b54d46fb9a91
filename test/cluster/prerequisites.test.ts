import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { wayHere } from '../../scripts/cluster/prerequisites.ts';

let bin: string;

beforeEach(async () => {
  bin = join(await mkdtemp(join(tmpdir(), 'imagespec-path-')), 'bin');
  await mkdir(bin);
  vi.stubEnv('PATH', bin);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(join(bin, '..'), { recursive: true });
});

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
}

test('is kind where Docker runs', async () => {
  for (const name of ['docker', 'kind', 'kubectl']) await program(name, 'exit 0');
  expect(await wayHere()).toBe('kind');
});

test('says how to get kind where Docker runs without it', async () => {
  await program('docker', 'exit 0');
  await expect(wayHere()).rejects.toThrow(/^Docker runs.*go install sigs\.k8s\.io\/kind@v.*kubectl/);
});

test('says what a machine without a running Docker lacks', async () => {
  await program('docker', 'exit 1');
  await program('go', 'echo go1.25.3');
  vi.spyOn(process, 'getuid').mockReturnValue(1000);
  const linux = process.platform === 'linux';
  await expect(wayHere()).rejects.toThrow(linux ? /root.*Go 1\.26.*apt-get/ : /Linux/);
});

test.runIf(process.platform === 'linux')('is a node of our own with Linux, root and Go', async () => {
  await program('docker', 'exit 1');
  await program('go', 'echo go1.26.8');
  await program('apt-get', 'exit 0');
  vi.spyOn(process, 'getuid').mockReturnValue(0);
  expect(await wayHere()).toBe('node');
});
