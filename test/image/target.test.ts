import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printReference } from '../../src/image/reference.ts';
import { hashOf, targetOf } from '../../src/image/target.ts';
import { settingsSchema } from '../../src/settings.ts';
import { imageSpec, settings } from '../support/objects.ts';

function target(spec: object, name?: string, given = settings) {
  const judged = targetOf(imageSpec(spec, name === undefined ? {} : { name }), given);
  if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
  return judged.target;
}
const problems = (spec: object, given = settings) => {
  const judged = targetOf(imageSpec(spec), given);
  return judged.ok ? [] : judged.problems;
};

describe('golden hashes: a change here renames images on every cluster', () => {
  // Each can be had without this program: printf %s '<text>' | sha256sum
  it.each([
    [
      {},
      '{"baseImage":"python:3.11-slim","platforms":["linux/amd64"],"pythonVersion":"3.11","recipe":"v1","workdir":"/app"}',
      '37af3fab3fb3bc991c638aa5ab3cc8c4aaa60d330a6f2d9414723e432578f547',
    ],
    [
      { packages: ['requests', 'Pandas == 2.2.3'] },
      '{"baseImage":"python:3.11-slim","packages":["pandas==2.2.3","requests"],"platforms":["linux/amd64"],"pythonVersion":"3.11","recipe":"v1","workdir":"/app"}',
      'bab01adbdb9c5a05ceb92217cfcb45102d342a8ef419c1ae1f0a5195cf255e65',
    ],
    [
      { entrypoint: [] },
      '{"baseImage":"python:3.11-slim","entrypoint":[],"platforms":["linux/amd64"],"pythonVersion":"3.11","recipe":"v1","workdir":"/app"}',
      '7451adcf8bd21d787952e820aac373731a34f8e90812f6b8f42668ce1e1ad7f1',
    ],
    [
      {
        baseImage: 'debian:12',
        pythonVersion: '3.11',
        packages: ['a'],
        aptPackages: ['curl'],
        env: [{ name: 'C', value: 'd' }],
        commands: ['e'],
        entrypoint: ['f'],
        workdir: '/g',
        user: '1:2',
        labels: { h: 'i' },
        platforms: ['linux/arm64'],
      },
      '{"aptPackages":["curl"],"baseImage":"debian:12","commands":["e"],"entrypoint":["f"],"env":[{"name":"C","value":"d"}],"labels":{"h":"i"},"packages":["a"],"platforms":["linux/arm64"],"pythonVersion":"3.11","recipe":"v1","user":"1:2","workdir":"/g"}',
      'c9ccd274096e871a2a34957ff2bab58ba60a6b7475968672e84f695727d46204',
    ],
  ])('%j', (spec, text, hash) => {
    expect(createHash('sha256').update(text).digest('hex')).toBe(hash);
    expect(target(spec).specHash).toBe(hash);
  });
});

describe('the same content has the same hash', () => {
  it.each([
    ['order of packages', { packages: ['a', 'b'] }, { packages: ['b', 'a', 'b'] }],
    ['spelling of packages', { packages: ['Scikit_Learn >= 1'] }, { packages: ['scikit-learn>=1'] }],
    ['order of apt packages', { aptPackages: ['curl', 'git'] }, { aptPackages: ['git', 'curl'] }],
    [
      'order of env',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
      },
      {
        env: [
          { name: 'B', value: '2' },
          { name: 'A', value: '1' },
        ],
      },
    ],
    ['empty and absent lists', {}, { packages: [], aptPackages: [], env: [], commands: [], labels: {} }],
    ['the default base, written out', {}, { baseImage: 'python:3.11-slim', pythonVersion: '3.11' }],
    ['where it goes', {}, { registry: 'localhost:5000', name: 'other', tagFormat: 'v1-{spec_hash}' }],
    [
      'how it is built',
      {},
      {
        builder: 'buildkit',
        pushSecretRef: { name: 's' },
        build: { timeoutSeconds: 60 },
        rebuild: 3,
        suspend: false,
      },
    ],
  ])('%s', (_name, a, b) => {
    expect(target(a).specHash).toBe(target(b).specHash);
  });
});

describe('other content has another hash', () => {
  it.each([
    ['entrypoint: empty is not absent', {}, { entrypoint: [] }],
    ['order of commands', { commands: ['a', 'b'] }, { commands: ['b', 'a'] }],
    ['a value of env', { env: [{ name: 'A', value: '1' }] }, { env: [{ name: 'A', value: '2' }] }],
    [
      'base image as written',
      { baseImage: 'python:3.11-slim' },
      { baseImage: 'docker.io/library/python:3.11-slim' },
    ],
    ['workdir', {}, { workdir: '/srv' }],
    ['user', {}, { user: '1000' }],
    ['platform', {}, { platforms: ['linux/arm64'] }],
  ])('%s', (_name, a, b) => {
    expect(target(a).specHash).not.toBe(target(b).specHash);
  });
});

it('any reordering of sets keeps the hash', () => {
  const list = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 6 });
  fc.assert(
    fc.property(list, list, (packages, names) => {
      const env = names.map((name) => ({ name, value: `v-${name}` }));
      const a = target({ packages, aptPackages: names.map((n) => `${n}x`), env });
      const b = target({
        packages: packages.toReversed(),
        aptPackages: names.map((n) => `${n}x`).toReversed(),
        env: env.toReversed(),
      });
      expect(b.specHash).toBe(a.specHash);
      expect(b.effective).toEqual(a.effective);
    }),
  );
});

it('no value can pass for another field: the hash is over structure, not over joined text', () => {
  const effective = target({}).effective;
  expect(hashOf({ ...effective, packages: ['a', 'b'] })).not.toBe(
    hashOf({ ...effective, packages: ['a,b'] }),
  );
  expect(hashOf({ ...effective, packages: ['a'] })).not.toBe(hashOf({ ...effective, aptPackages: ['a'] }));
});

describe('the image is named', () => {
  it.each([
    [{}, 'ghcr.io/acme/sklearn'],
    [{ name: 'team/env' }, 'ghcr.io/acme/team/env'],
    [{ registry: 'localhost' }, 'localhost/sklearn'],
    [{ registry: 'localhost:30000' }, 'localhost:30000/sklearn'],
    [{ registry: 'localhost:30000/flyte' }, 'localhost:30000/flyte/sklearn'],
    [{ registry: '192.168.1.1:30000/myimage' }, '192.168.1.1:30000/myimage/sklearn'],
    [{ registry: 'flyteorg' }, 'docker.io/flyteorg/sklearn'],
    [{ registry: 'GHCR.io/FlyteOrg' }, 'ghcr.io/flyteorg/sklearn'],
    [
      { registry: 'us-west1-docker.pkg.dev/example.com/my-project/my-repo' },
      'us-west1-docker.pkg.dev/example.com/my-project/my-repo/sklearn',
    ],
  ])('%j → %s', (spec, repository) => {
    const { image, specHash } = target(spec);
    expect(printReference(image)).toBe(`${repository}:${specHash.slice(0, 32)}`);
  });

  it('with the tag format around the first 32 hex digits', () => {
    const { image, specHash } = target({ tagFormat: 'v1-{spec_hash}-dev' });
    expect(image.tag).toBe(`v1-${specHash.slice(0, 32)}-dev`);
  });

  it('with the default registry of the settings', () => {
    const given = settingsSchema.parse({ defaults: { registry: 'registry.example.com:5000/team' } });
    expect(target({ registry: undefined }, 'x', given).image).toMatchObject({
      host: 'registry.example.com:5000',
      repository: 'team/x',
    });
  });
});

describe('a mistake names its field and the fix', () => {
  it.each([
    [{ registry: undefined }, 'spec.registry', 'ghcr.io/acme'],
    [{ registry: 'ghcr.io/acme:latest' }, 'spec.registry', 'without scheme and tag'],
    [{ registry: 'https://ghcr.io' }, 'spec.registry', 'without scheme'],
    [{ registry: 'invalid:port:50000' }, 'spec.registry', 'host[:port]'],
    [{ registry: 'ghcr.io/' }, 'spec.registry', 'host[:port]'],
    [{ registry: 'ghcr.io/a__-b' }, 'spec.registry', 'legal repository'],
    [{ builder: 'docker' }, 'spec.builder', 'choose one of: buildkit'],
    [{ packages: ['fine', '-r x'] }, 'spec.packages[1]', 'one requirement'],
    [{ packages: ['pandas=='] }, 'spec.packages[0]', 'pandas==1.2.3'],
    [{ aptPackages: ['Curl'] }, 'spec.aptPackages[0]', 'Debian package'],
    [{ aptPackages: ['curl-'] }, 'spec.aptPackages[0]', 'Debian package'],
    [{ pythonVersion: '3.x' }, 'spec.pythonVersion', '"3.12"'],
    [{ env: [{ name: '1A', value: '' }] }, 'spec.env[0].name', 'variable name'],
    [{ env: [{ name: 'IMAGESPEC_0', value: '' }] }, 'spec.env', 'another name'],
    [
      {
        env: [
          { name: 'A', value: '' },
          { name: 'A', value: '' },
        ],
      },
      'spec.env',
      'once',
    ],
    [{ commands: ['a\0b'] }, 'spec.commands[0]', 'NUL'],
    [{ tagFormat: 'latest' }, 'spec.tagFormat', '{spec_hash}'],
    [{ workdir: 'app' }, 'spec.workdir', 'absolute path'],
    [{ user: 'root' }, 'spec.user', 'numeric'],
    [{ entrypoint: Array.from({ length: 4 }, () => 'x'.repeat(4000)) }, 'spec.entrypoint', 'KiB'],
    [{ env: [{ name: 'A', value: '😀'.repeat(9000) }] }, 'spec.env[0].value', '32 KiB'],
    [
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`l${n}`, ''])) },
      'spec.labels',
      '64 labels',
    ],
    [{ user: '70000' }, 'spec.user', '65535'],
    [{ platforms: ['linux/aarch64'] }, 'spec.platforms[0]', 'linux/arm64'],
    [{ pushSecretRef: { name: 'a..b' } }, 'spec.pushSecretRef.name', 'name of a Secret'],
    [{ labels: { 'A b': 'x' } }, 'spec.labels', 'label names'],
    [{ profile: 'Flytekit', platforms: ['linux/amd64', 'linux/arm64'] }, 'spec.platforms', 'one platform'],
    [{ baseImage: 'Python:3' }, 'spec.baseImage', 'python:3.12-slim'],
  ])('%j', (spec, field, words) => {
    expect(problems(spec)).toContainEqual({ field, message: expect.stringContaining(words) });
  });
});
