/**
 * The cases of flytekit's own tests of ImageSpec and its builders: decided alike, or otherwise for a reason.
 *
 * Cases that are about Python objects (with_packages, from_env, caching of builds) or a Docker daemon have nothing to
 * be decided here. What the differences mean to a user is in docs/flytekit.md.
 */
import { describe, expect, it } from 'vitest';
import { selectionOf } from '../../../src/image/inputs.ts';
import { recipeOf } from '../../../src/image/recipe.ts';
import { printReference } from '../../../src/image/reference.ts';
import { resolveFiles } from '../../../src/image/selection.ts';
import { readSpec, targetOf } from '../../../src/image/target.ts';
import { settingsSchema } from '../../../src/settings.ts';
import { imageSpec, settings } from '../../support/objects.ts';

/** A spec of profile Flytekit, judged with the files it holds. */
function judge(spec: object, given = settings) {
  const object = imageSpec({ profile: 'Flytekit', registry: 'localhost:30001', ...spec });
  const read = readSpec(object);
  if (!read.ok) return read;
  const selection = selectionOf(read.spec);
  const source = selection && resolveFiles(read.spec.source?.files ?? {}, selection);
  if (source && !source.ok) return source;
  return targetOf(object, given, source ? { source: source.source } : {});
}
function target(spec: object, given = settings) {
  const judged = judge(spec, given);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  return judged.target;
}
const problems = (spec: object) => {
  const judged = judge(spec);
  return judged.ok ? [] : judged.problems;
};
function recipe(spec: object) {
  const secretPaths = ['/etc/gitconfig'];
  return recipeOf(target(spec), { dialect: 'BuildKit', secretPaths });
}
const tagOf = (spec: object) => target(spec).image.tag;

describe('test_image_spec.py', () => {
  it('names the image by registry, name and tag, the tag by its format', () => {
    const { image } = target({ packages: ['pandas'] });
    expect(printReference(image)).toBe(`localhost:30001/flytekit:${image.tag}`);
    const hash = tagOf({ packages: ['pandas'], tagFormat: 'x{spec_hash}' })?.slice(1);
    expect(hash).toMatch(/^[A-Za-z0-9_]{22}$/);
    expect(hash).not.toBe(image.tag); // the format's own text counts
  });

  it.each([
    ...['packages', 'condaChannels', 'condaPackages', 'aptPackages', 'pipExtraIndexUrls'],
    ...['entrypoint', 'commands', 'runtimePackages'],
  ])('refuses %s that is a text or a list of numbers', (field) => {
    expect(problems({ [field]: 'requirements.txt' })).toMatchObject([{ field: `spec.${field}` }]);
    expect(problems({ [field]: [1, 2, 3] })[0]).toMatchObject({ field: `spec.${field}[0]` });
  });

  it.each(['secrets.txt', [['a', 'b', 'c']]])('refuses secret mounts %j', (pipSecretMounts) => {
    expect(problems({ pipSecretMounts })[0]?.field).toMatch(/^spec\.pipSecretMounts/);
  });

  it('refuses options of the builder that are no object', () => {
    for (const builderOptions of ['a', ['a']]) {
      expect(problems({ builderOptions })).toMatchObject([{ field: 'spec.builderOptions' }]);
    }
  });

  it.each(['invalid:port:50000', 'ghcr.io/flyteorg:latest', 'flyteorg:latest'])(
    'refuses the registry %s',
    (registry) => {
      expect(problems({ registry })).toMatchObject([{ field: 'spec.registry' }]);
    },
  );

  it.each([
    ...['localhost:30000', 'localhost:30000/flyte', '192.168.1.1:30000', '192.168.1.1:30000/myimage'],
    ...['ghcr.io/flyteorg', 'my.registry.com/myimage', 'my.registry.com:5000/myimage', 'flyteorg'],
    ...['myregistry:5000/myimage', 'us-west1-docker.pkg.dev/example.com/my-project/my-repo'],
  ])('takes the registry %s', (registry) => {
    expect(problems({ registry })).toEqual([]);
  });

  it('counts neither secrets nor the builder nor what is installed when a task starts', () => {
    const mount = { secretKeyRef: { name: 'a', key: 'b' }, path: '/etc/gitconfig' };
    const without = target({ packages: ['pandas'] });
    for (const more of [
      { pipSecretMounts: [mount] },
      { builder: 'buildkit' },
      { runtimePackages: ['numpy'] },
    ]) {
      const { image, effective } = target({ packages: ['pandas'], ...more });
      expect([image.tag, effective.flytekitId]).toEqual([without.image.tag, without.effective.flytekitId]);
    }
  });

  it('takes the builder of the highest priority, and refuses one that nobody knows', () => {
    const given = settingsSchema.parse({
      builders: [
        { name: 'buildkit', engine: 'BuildKit', priority: 5 },
        { name: 'other', engine: 'BuildKit', priority: 10 },
      ],
    });
    expect(target({}, given).builder.name).toBe('other');
    expect(problems({ builder: 'flyte' })).toMatchObject([
      { field: 'spec.builder', message: expect.stringContaining('there is no builder flyte; choose one of') },
    ]);
  });

  it('pushes by force with rebuild, under the same tag', () => {
    expect(tagOf({ packages: ['pandas'], rebuild: 1 })).toBe(tagOf({ packages: ['pandas'] }));
  });
});

describe('test_default_builder.py', () => {
  it('brings every kind of thing into the image', () => {
    const { dockerfile, files, args } = recipe({
      pythonVersion: '3.12',
      packages: ['pandas==2.2.1'],
      aptPackages: ['curl'],
      condaPackages: ['scipy==1.13.0', 'numpy'],
      condaChannels: ['conda-forge'],
      requirements: 'requirements.txt',
      pipIndex: 'https://url.com',
      pipExtraIndexUrls: ['https://extra-url.com'],
      pipSecretMounts: [{ secretKeyRef: { name: 'git', key: 'config' }, path: '/etc/gitconfig' }],
      commands: ['mkdir my_dir'],
      entrypoint: ['/bin/bash'],
      copy: ['hello_world.txt'],
      source: { files: { 'requirements.txt': 'threadpoolctl\n', 'hello_world.txt': 'hello' } },
    });
    const all = JSON.stringify([files, args]);
    for (const word of [
      ...['pandas==2.2.1', 'curl', 'scipy==1.13.0', 'numpy', 'https://url.com', 'https://extra-url.com'],
      'mkdir my_dir',
    ]) {
      expect(all).toContain(word);
    }
    expect(dockerfile).toContain('target=/etc/gitconfig');
    expect(dockerfile).toContain('ENTRYPOINT ["/bin/bash"]');
    expect(dockerfile).toMatch(/^COPY --chown=.* \/root\/$/m);
  });

  it('takes a package from a folder of a repository', () => {
    const url = 'git+https://github.com/flyteorg/flytekit.git@90a4455#subdirectory=plugins/flytekit-spark';
    expect(target({ packages: [url] }).effective.packages).toContain(url);
  });

  it('writes an empty entrypoint', () => {
    expect(recipe({ entrypoint: [] }).dockerfile).toContain('ENTRYPOINT []');
  });

  it.each([
    [undefined, 'flytekit==1.16.31'],
    [['flytekit>=1.12.3'], 'flytekit>=1.12.3'],
    [['flytekit==1.12.3'], 'flytekit==1.12.3'],
    // As a name is read by pip; flytekit itself would add a second one.
    [['Flytekit[x]==1.12.3'], 'flytekit[x]==1.12.3'],
  ])('packages %j: installs %s and no other flytekit', (packages, installed) => {
    expect(target({ packages }).effective.packages).toEqual([installed]);
  });

  it('leaves a lock file as it is', () => {
    const files = { 'uv.lock': UV_LOCK, 'pyproject.toml': PYPROJECT };
    const { effective } = target({ requirements: 'uv.lock', source: { files } });
    expect(effective.packages).toEqual([]);
  });

  it.each(['uv.lock', 'poetry.lock'])('refuses %s without pyproject.toml, and with packages', (lock) => {
    const files = { [lock]: lock === 'uv.lock' ? UV_LOCK : POETRY_LOCK };
    expect(problems({ requirements: lock, source: { files } })).toMatchObject([
      { field: 'spec.requirements', message: expect.stringContaining('pyproject.toml') },
    ]);
    const both = { ...files, 'pyproject.toml': PYPROJECT };
    expect(problems({ requirements: lock, packages: ['a'], source: { files: both } })).toMatchObject([
      { field: 'spec.packages', message: expect.stringContaining('a lock file says which packages') },
    ]);
  });

  it.each([{ condaPackages: ['scipy'] }, { condaChannels: ['conda-forge'] }])(
    'refuses pythonExec with %j',
    (conda) => {
      const found = problems({ pythonExec: '/usr/local/bin/python', ...conda });
      expect(found).toMatchObject([{ field: 'spec.pythonExec' }]);
    },
  );

  it.each(['/abs/path', '../outside', 'a/../b'])('refuses to copy %s', (path) => {
    expect(problems({ copy: [path], source: { files: { a: '' } } })).toMatchObject([
      { field: 'spec.copy[0]' },
    ]);
  });
});

describe('test_noop_builder.py', () => {
  it('gives the base image itself', () => {
    const { image } = target({ builder: 'noop', baseImage: 'localhost:30000/test_image:latest' });
    expect(printReference(image)).toBe('localhost:30000/test_image:latest');
  });

  it.each([{}, { baseImageSpecRef: { name: 'other' } }])('refuses %j: the base must be a text', (base) => {
    expect(problems({ builder: 'noop', ...base })).toMatchObject([{ field: 'spec.baseImage' }]);
  });
});

describe('decided otherwise', () => {
  it('a name in capitals is refused: flytekit lower-cases it, which convert does too', () => {
    expect(problems({ name: 'FLYTEKIT' })).toMatchObject([{ field: 'spec.name' }]);
  });

  it('cuda and cudnn are installed, where the default builder of flytekit only says how to do without', () => {
    const { packages } = target({ cuda: '12.6', cudnn: '9' }).effective;
    expect(packages).toEqual(['flytekit==1.16.31']);
    expect(JSON.stringify(recipe({ cuda: '12.6', cudnn: '9' }).files)).toContain('nvidia-cudnn-cu12');
  });

  it('a source root alone is refused: what Python has loaded is known to a Python program only', () => {
    const source = { files: { 'src/a.py': '' } };
    expect(problems({ sourceRoot: 'src', source })).toMatchObject([{ field: 'spec.sourceRoot' }]);
    expect(problems({ sourceRoot: 'src', sourceCopyMode: 'NoCopy', source })).toEqual([]);
  });

  it('a tag format without the hash is refused: every change would find the old image', () => {
    expect(problems({ tagFormat: 'v1' })).toMatchObject([{ field: 'spec.tagFormat' }]);
  });

  it('a file to copy that is not there is refused, where flytekit counts it as nothing', () => {
    expect(problems({ copy: ['b'], source: { files: { a: '' } } })).toMatchObject([
      { field: 'spec.copy[0]', message: 'the source has no b' },
    ]);
  });
});

const PYPROJECT = '[project]\nname = "app"\nversion = "1"\ndependencies = []\n';
const UV_LOCK =
  'version = 1\nrequires-python = ">=3.11"\n\n[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n';
const POETRY_LOCK =
  'package = []\n\n[metadata]\nlock-version = "2.0"\npython-versions = ">=3.11"\ncontent-hash = "0"\n';
