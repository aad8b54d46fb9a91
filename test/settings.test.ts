import { describe, expect, it } from 'vitest';
import { registryOf } from '../src/settings.ts';
import { readSettings, SettingsError } from '../src/settings-file.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

it('an empty file gives the defaults', () => {
  const settings = readSettings('');
  expect(settings.builders[0]).toEqual({ name: 'buildkit', engine: 'BuildKit', priority: 5 });
  expect(settings.builders.at(-1)).toEqual({ name: 'noop', engine: 'Noop', priority: 0 });
  expect(settings.concurrency.builds).toBe(10);
  expect(settings.defaults.resources.limits).toMatchObject({ memory: '4Gi' });
});

it('a registry without an entry is plain HTTPS', () => {
  expect(registryOf(readSettings(''), 'ghcr.io')).toEqual({ host: 'ghcr.io', insecure: false, mirrors: [] });
});

it('says what is wrong in the order of its lines', () => {
  const text = 'stepImage: 1\ndefaults:\n  retries: x\ncaBundle: y\nconcurrency: {builds: 0}\n';
  const words = () => readSettings(text, 'file');
  expect(words).toThrow(/^file:1: .*\nfile:3: .*\nfile:4: .*\nfile:5: .*$/);
});

describe('a file that does not fit names line, field and fix', () => {
  it.each([
    ['defaults: {registri: x}', 'file:1: defaults.registri: there is no such field; did you mean registry?'],
    ['concurrency:\n  builds: 0', 'file:2: concurrency.builds: '],
    ['a: [1', 'file:1: the list that begins here with [ has no end'],
    ['defaults:\n\tregistry: x', 'file:2: indent with spaces: YAML takes no tabs'],
    ['stepImage: a\nstepImage: b', 'file:2: this name is written twice'],
    [
      'defaults:\n  retries: "2"',
      'file:2: defaults.retries: write a whole number, not a string: take the quotes off',
    ],
    ['concurrency:\n  builds: 0', 'file:2: concurrency.builds: write at least 1'],
    [
      'sources: {}\nregistries:\n  - endpoint: http://a',
      'file:3: registries.0.host: it is missing: write a string',
    ],
    ['registries:\n  - host: https://ghcr.io', 'file:2: registries.0.host: write a host in lower case'],
    [
      'registries:\n  - host: a.io\n    endpoint: a.io',
      'file:3: registries.0.endpoint: write a URL of scheme, host and port only',
    ],
    ['builders:\n  - {name: a, engine: Docker}', 'file:2: builders.0.engine: known engines: BuildKit'],
    ['builders: []', 'file:1: builders: name at least one builder'],
    [
      'builders:\n  - {name: a, engine: BuildKit}\n  - {name: a, engine: BuildKit}',
      'file:3: builders.1.name: the name a is used twice; give each builder one of its own',
    ],
    [
      'defaults: {registry: "https://ghcr.io/acme"}',
      'file:1: defaults.registry: write host[:port][/path] without scheme',
    ],
    ['defaults: {baseImage: Python 3}', 'file:1: defaults.baseImage: write an image reference such as'],
    [
      'defaults: {pushSecretRef: {name: A_b}}',
      'file:1: defaults.pushSecretRef.name: write the name of a Secret',
    ],
    ['stepImage: "a b"', 'file:1: stepImage: write an image reference'],
    [
      'proxy: {http: "proxy.example.com:3128"}',
      'file:1: proxy.http: write a URL such as http://proxy.example.com:3128',
    ],
    ['imagePullSecrets: [{name: a}]', 'file:1: imagePullSecrets.0: write a string, not a mapping'],
    ['caBundle: hello', 'file:1: caBundle: write PEM'],
    [`caBundle: ${JSON.stringify(PEM.repeat(1000))}`, 'file:1: caBundle: at most 32 KiB'],
    [
      'defaults:\n  resources:\n    limits: {memory: lots}',
      'file:3: defaults.resources.limits.memory: write a quantity such as',
    ],
  ])('%j', (text, words) => {
    expect(() => readSettings(text, 'file')).toThrow(SettingsError);
    expect(() => readSettings(text, 'file')).toThrow(words);
  });
});
