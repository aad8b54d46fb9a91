import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resolveFiles, select } from '../../src/image/selection.ts';
import { fetchConfigMap } from '../../src/source/config-map.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-config-map-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Lays a ConfigMap out as the kubelet does. */
function mount(moment: string, keys: Readonly<Record<string, string | Uint8Array>>): void {
  mkdirSync(join(folder, moment));
  for (const [key, content] of Object.entries(keys)) {
    writeFileSync(join(folder, moment, key), content);
    symlinkSync(join('..data', key), join(folder, key));
  }
  symlinkSync(moment, join(folder, '..data'));
}

test('has the digest of the same files in a spec, whatever is text and whatever is not', () => {
  const keys = { 'requirements.txt': 'requests\n', 'data.bin': new Uint8Array([0, 255, 254]), '.hidden': '' };
  mount('..2026_11_28', keys);
  const selection = { copy: [], copyAll: true, requirements: 'requirements.txt' };
  const { tree } = fetchConfigMap(folder);
  const mounted = select(tree, selection);
  expect([...tree.entries.keys()].sort()).toEqual(['.hidden', 'data.bin', 'requirements.txt']);
  expect(mounted.ok && { ok: true, source: mounted.selected.source }).toEqual(resolveFiles(keys, selection));
});

test('is of one moment, though the ConfigMap changes while it is read', () => {
  mount('..old', { a: '1' });
  const { tree } = fetchConfigMap(folder);
  rmSync(join(folder, '..data'));
  mkdirSync(join(folder, '..new'));
  symlinkSync('..new', join(folder, '..data'));
  const selecting = select(tree, { copy: ['a'], copyAll: false });
  expect(selecting.ok && selecting.selected.copies).toHaveLength(1);
});

test('without keys holds nothing', () => {
  mount('..empty', {});
  expect(fetchConfigMap(folder).tree.entries.size).toBe(0);
});
