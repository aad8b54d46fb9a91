import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine } from '../../src/registry/answer.ts';
import {
  basicAuthorization,
  dockerConfigOf,
  fingerprint,
  firstOf,
  readDockerConfig,
  withoutSecret,
} from '../../src/registry/credentials.ts';

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
const read = (auths: object) => readDockerConfig(JSON.stringify({ auths }));
const password = (username: string, secret: string) => ({ kind: 'password', username, password: secret });

describe('readDockerConfig', () => {
  it.each([
    ['ghcr.io', 'ghcr.io'],
    ['https://ghcr.io', 'ghcr.io'],
    ['https://ghcr.io/v1/', 'ghcr.io'],
    ['http://ghcr.io/v2', 'ghcr.io'],
    ['GHCR.io/', 'ghcr.io'],
    ['registry.example.com:5000', 'registry.example.com:5000'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['docker.io', 'docker.io'],
    ['https://registry-1.docker.io/v2/', 'docker.io'],
  ])('gives the login of %s to %s', (key, host) => {
    const { store, ignored } = read({ [key]: auth('user:pass:word') });
    expect(store.credentialFor(host, 'team/app')).toEqual(password('user', 'pass:word'));
    expect(ignored).toEqual([]);
  });

  it('reads user and password, and identity tokens', () => {
    const { store } = read({
      a: { username: 'u', password: 'p' },
      b: { ...auth('<token>:'), identitytoken: 'it' },
      c: { identitytoken: 'it' },
      d: auth('u:p\0\0'),
    });
    expect(store.credentialFor('a', 'x')).toEqual(password('u', 'p'));
    expect(store.credentialFor('b', 'x')).toEqual({
      kind: 'identity-token',
      username: '<token>',
      token: 'it',
    });
    expect(store.credentialFor('c', 'x')).toEqual({
      kind: 'identity-token',
      username: '<token>',
      token: 'it',
    });
    expect(store.credentialFor('d', 'x')).toEqual(password('u', 'p'));
  });

  it('takes the longest path that covers the repository by whole parts', () => {
    const { store } = read({
      'ghcr.io': auth('all:1'),
      'ghcr.io/team': auth('team:1'),
      'https://ghcr.io/v2/team/app/': auth('app:1'),
    });
    const user = (repository: string) => store.credentialFor('ghcr.io', repository)?.username;
    expect(user('team/app')).toBe('app');
    expect(user('team/app/sub')).toBe('app');
    expect(user('team/application')).toBe('team');
    expect(user('team-evil/app')).toBe('all');
    expect(user('team')).toBe('team');
  });

  it('says which entries it cannot use, and why, without their secrets', () => {
    const { store, ignored } = readDockerConfig(
      JSON.stringify({
        credsStore: 'desktop',
        credHelpers: { 'gcr.io': 'gcloud' },
        auths: {
          'empty.io': {},
          'bad.io': { auth: 'c2VjcmV0' },
          'odd.io': 'secret',
          '*.wild.io': auth('u:secret'),
          'token.io': { registrytoken: 'secret' },
          'good.io': auth('u:p'),
        },
      }),
    );
    expect(store.credentialFor('good.io', 'x')).toBeDefined();
    expect(ignored).toHaveLength(7);
    expect(ignored.join('\n')).toMatch(/credsStore.*\n.*gcr\.io.*\n.*empty\.io.*\n.*bad\.io.*\n.*odd\.io/);
    expect(ignored.join('\n')).not.toContain('secret');
  });

  it('refuses what is no docker config, without quoting it', () => {
    for (const text of ['{"auths": {"a": {"auth": "c2VjcmV0', '[]', 'null', '{"auths": []}'])
      expect(() => readDockerConfig(text)).toThrow(/^(a|the) docker config file is/);
    expect(() => readDockerConfig('hunter2')).toThrow(/^the docker config file is not JSON$/);
    expect(readDockerConfig('{}').store.credentialFor('a', 'b')).toBeUndefined();
  });

  const host = fc.stringMatching(/^[a-z0-9]{1,6}(\.[a-z0-9]{1,6}){1,2}(:[1-9][0-9]{0,3})?$/);

  it('never gives a login to a host that only looks alike', () => {
    const lookalike = fc
      .tuple(host, fc.stringMatching(/^[a-z0-9.:-]{1,8}$/))
      .chain(([name, extra]) =>
        fc.constantFrom(
          [name, name + extra],
          [name, extra + name],
          [name, `${extra}.${name}`],
          [name, `${name}.${extra}`],
          [name, name.slice(1)],
          [name, name.slice(0, -1)],
          [name, name.replace('.', '-')],
          [name, `${name.split(':')[0]}:9`],
          [name, ''],
        ),
      );
    fc.assert(
      fc.property(lookalike, fc.constantFrom('', '/team', '/v1/'), ([name, other], path) => {
        fc.pre(name !== other);
        const { store } = read({ [`${name}${path}`]: auth('user:secret') });
        expect(store.credentialFor(name!, 'team/app')).toBeDefined();
        expect(store.credentialFor(other!, 'team/app')).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('never throws anything but its own error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((auths) => `{"auths":${auths}}`),
        ),
        (text) => {
          try {
            readDockerConfig(text);
          } catch (error) {
            expect(error).toHaveProperty('name', 'DockerConfigError');
          }
        },
      ),
    );
  });
});

it('names a credential without revealing it', () => {
  const one = fingerprint({ kind: 'password', username: 'u', password: 'secret' });
  expect(one).not.toContain('secret');
  expect(one).not.toBe(fingerprint({ kind: 'password', username: 'u', password: 'other' }));
  expect(fingerprint(undefined)).toBe('anonymous');
});

it('writes Basic in UTF-8', () => {
  expect(basicAuthorization({ kind: 'password', username: 'ü', password: 'p:q' })).toBe('Basic w7w6cDpx');
});

describe('several Secrets as one', () => {
  const entry = (login: string) => ({ auth: Buffer.from(`${login}:secret`).toString('base64') });

  it('the first store that knows a place counts, however its keys are spelled', () => {
    const push = read({ 'docker.io': entry('push') }).store;
    const pull = read({
      'https://index.docker.io/v1/': entry('pull'),
      'https://ghcr.io': entry('pull'),
    }).store;
    const both = firstOf([push, pull]);
    expect(both.credentialFor('docker.io', 'acme/app')).toMatchObject({ username: 'push' });
    expect(both.credentialFor('ghcr.io', 'acme/app')).toMatchObject({ username: 'pull' });
    expect(both.credentialFor('quay.io', 'acme/app')).toBeUndefined();
  });

  it('come out as a file with the names every docker client looks for', () => {
    const store = read({
      'GHCR.io/team': entry('a'),
      'registry-1.docker.io': { username: 'b', password: 'p:w' },
      'x.io': { identitytoken: 't' },
    }).store;
    const places = ['ghcr.io', 'docker.io', 'x.io', 'none.io'].map(
      (host) => [host, store.credentialFor(host, 'team/app')] as const,
    );
    expect(JSON.parse(dockerConfigOf(new Map(places)))).toEqual({
      auths: {
        'ghcr.io': entry('a'),
        'https://index.docker.io/v1/': { auth: Buffer.from('b:p:w').toString('base64') },
        'x.io': { auth: Buffer.from('<token>:').toString('base64'), identitytoken: 't' },
      },
    });
  });
});

describe('withoutSecret', () => {
  it('leaves nothing of a secret that a message repeats, wherever the message is cut', () => {
    const secrets = fc.stringMatching(/^[A-Za-z0-9+/=_-]{8,100}$/);
    const before = fc.integer({ min: 0, max: 320 }).map((length) => '. '.repeat(length / 2));
    fc.assert(
      fc.property(secrets, before, fc.boolean(), (secret, words, encoded) => {
        const login = { kind: 'password', username: 'user', password: secret } as const;
        const repeated = encoded ? basicAuthorization(login).slice('Basic '.length) : secret;
        const shown = withoutSecret(oneLine(`${words}${repeated} was refused, as are all of them`), login);
        expect(shown).not.toContain(repeated.slice(0, 4));
      }),
    );
  });
});
