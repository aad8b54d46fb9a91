import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { alive, end, identify, startDetached, until } from '../../scripts/cluster/programs.ts';

describe.runIf(process.platform === 'linux')('a started program', () => {
  test('is ended by its id and start time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'imagespec-programs-'));
    const started = await startDetached(['sleep', '60'], join(folder, 'log'));
    expect(await alive(started)).toBe(true);
    await end(started);
    expect(await alive(started)).toBe(false);
    await rm(folder, { recursive: true });
  });

  test('is not confused with another that was given its id', async () => {
    const here = await identify(process.pid);
    const earlier = { pid: process.pid, since: '1@another-boot' };
    expect(here && (await alive(here))).toBe(true);
    expect(await alive(earlier)).toBe(false);
    await end(earlier); // would end this test
  });
});

test('waiting in vain says for what', async () => {
  await expect(until('a miracle', 0, async () => false)).rejects.toThrow('in vain for a miracle');
});
