/** docs/features.md: every field has its row, every row its test, and what it says of the tag is so. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { specSchema } from '../../src/api/image-spec.ts';
import { selectionOf } from '../../src/image/inputs.ts';
import { resolveFiles } from '../../src/image/selection.ts';
import { readSpec, targetFrom } from '../../src/image/target.ts';
import { settings } from '../support/objects.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');
const PAGE = readFileSync(join(DOCS, 'features.md'), 'utf8');

const rows = PAGE.split('\n')
  .map((line) => /^\| (.*) \| `([a-zA-Z]+)` \| (yes|no|if set) \| (.*) \| (.*) \|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, flytekit, field, counts, , shown]) => ({
    flytekit,
    field: field ?? '',
    counts,
    shown: shown ?? '',
  }));

it('every field of the spec has a row, and every row a field', () => {
  expect([...new Set(rows.map(({ field }) => field))].sort()).toEqual(Object.keys(specSchema.shape).sort());
});

it('every parameter of flytekit has a row', () => {
  const parameters =
    `name python_version builder source_root env registry packages conda_packages conda_channels
    requirements apt_packages cuda cudnn base_image platform pip_index pip_extra_index_url pip_secret_mounts
    pip_extra_args registry_config entrypoint commands tag_format source_copy_mode copy python_exec runtime_packages
    builder_options builder_config`.split(/\s+/);
  const named = rows.map(({ flytekit }) => flytekit).join(' ');
  expect(parameters.filter((parameter) => !named.includes(`\`${parameter}\``))).toEqual([]);
});

it('every row leads to a test', () => {
  expect(rows.filter(({ shown }) => !shown.includes('](../test/')).map(({ field }) => field)).toEqual([]);
});

describe('a link leads to a test of that title:', () => {
  const links = [...PAGE.matchAll(/\[([^\]]+)\]\((\.\.\/[^)]+)\)/g)].map(
    ([, title = '', file = '']) => [file, title] as const,
  );
  it.each([...new Map(links.map((link) => [link.join(), link])).values()])('%s: %s', (file, title) => {
    const path = join(DOCS, file);
    expect(existsSync(path), file).toBe(true);
    // In a string of the program, not somewhere in its words.
    const quoted = new RegExp(`['"\`][^\n]*${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
    expect(readFileSync(path, 'utf8').replaceAll("\\'", "'")).toMatch(quoted);
  });
});

/** A value of each field other than the one it has by default, with what must stand beside it. */
const FILES = { files: { 'a.txt': 'x', 'requirements.txt': 'six' } };
const BASE = { registry: 'ghcr.io/acme' };
const VALUES: Readonly<Record<string, object>> = {
  name: { name: 'other' },
  registry: { registry: 'localhost:5000' },
  builder: { builder: 'buildkit' },
  builderOptions: { builderOptions: { a: 1 } },
  builderConfig: { builderConfig: { uvImage: 'a/uv:1' } },
  baseImage: { baseImage: 'debian:12' },
  baseImageSpecRef: { baseImageSpecRef: { name: 'base' } },
  platforms: { platforms: ['linux/arm64'] },
  pythonVersion: { pythonVersion: '3.12' },
  pythonExec: { pythonExec: '/usr/bin/python3' },
  packages: { packages: ['six'] },
  requirements: { source: FILES, requirements: 'requirements.txt' },
  aptPackages: { aptPackages: ['curl'] },
  condaPackages: { condaPackages: ['numpy'] },
  condaChannels: { condaChannels: ['nvidia'] },
  cuda: { cuda: '12.6' },
  cudnn: { cuda: '12.6', cudnn: '9' },
  pipIndex: { pipIndex: 'https://h/simple' },
  pipExtraIndexUrls: { pipExtraIndexUrls: ['https://h/simple'] },
  pipExtraArgs: { pipExtraArgs: ['--pre'] },
  pipSecretMounts: { pipSecretMounts: [{ secretKeyRef: { name: 'a', key: 'b' }, path: '/c' }] },
  env: { env: [{ name: 'A', value: 'x' }] },
  entrypoint: { entrypoint: [] },
  commands: { commands: ['true'] },
  copy: { source: FILES, copy: ['a.txt'] },
  sourceRoot: { source: { files: { 'a/b': 'x', c: '' } }, sourceCopyMode: 'All', sourceRoot: 'a' },
  sourceCopyMode: { source: FILES, sourceCopyMode: 'All' },
  tagFormat: { tagFormat: 'v1-{spec_hash}' },
  pushSecretRef: { pushSecretRef: { name: 'a' } },
  pullSecretRefs: { pullSecretRefs: [{ name: 'a' }] },
  runtimePackages: { profile: 'Flytekit', runtimePackages: ['six'] },
  rebuild: { rebuild: 1 },
  profile: { profile: 'Flytekit' },
  source: { source: { files: { 'a.txt': 'y' } }, copy: ['a.txt'] },
  workdir: { workdir: '/srv' },
  user: { user: '1000' },
  labels: { labels: { a: 'x' } },
  build: { build: { retries: 0 } },
  suspend: { suspend: true },
  publish: { publish: { configMap: { name: 'a' } } },
};
/** What the hash is compared with, where that is not an empty spec. */
const WITHOUT: Readonly<Record<string, object>> = {
  cudnn: { cuda: '12.6' },
  sourceRoot: { source: { files: { 'a/b': 'x', c: '' } }, sourceCopyMode: 'All' },
  runtimePackages: { profile: 'Flytekit' },
  source: { source: FILES, copy: ['a.txt'] },
};

/** The hash of a spec whose files are in it; over the image of another where it says so. */
function specHash(written: object): string {
  const read = readSpec({ spec: { ...BASE, ...written } });
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const { spec } = read;
  const selection = selectionOf(spec);
  const files = spec.source?.files && selection && resolveFiles(spec.source.files, selection);
  const digest = `sha256:${'0'.repeat(64)}`;
  const judged = targetFrom('a', spec, settings, {
    ...(files?.ok ? { source: files.source } : {}),
    ...(spec.baseImageSpecRef ? { base: { name: 'a.io/b:c', image: `a.io/b:c@${digest}`, digest } } : {}),
  });
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  return judged.target.specHash;
}

// There is one recipe, so there is nothing to compare it with.
it.each(rows.filter(({ field }) => field !== 'recipe').map(({ field, counts }) => [field, counts] as const))(
  'spec.%s is part of the tag: %s',
  (field, counts) => {
    const without = specHash(WITHOUT[field] ?? {});
    expect(specHash(VALUES[field] ?? {}) !== without).toBe(counts !== 'no');
  },
);
