/** Logins: challenges, token servers and what may be sent where, against servers on loopback. */
import { describe, expect, it } from 'vitest';
import { anonymous } from '../../src/registry/credentials.ts';
import type { RegistryClientOptions } from '../../src/registry/registry-client.ts';
import { selfSigned } from '../support/certificate.ts';
import {
  challenge,
  clientOf,
  FOUND,
  loginFor,
  PRESENT,
  refTo,
  scripted,
} from '../support/scripted-registry.ts';
import type { Asked, Scripted, ScriptedServer } from '../support/scripted-server.ts';

const token = (text: string, more: object = {}): Scripted => ({
  body: JSON.stringify({ token: text, ...more }),
});

const BASIC = `Basic ${Buffer.from('me:pw').toString('base64')}`;

/** A registry that wants a token of `tokens`, and accepts those for which `accepts` holds. */
function registryOf(
  tokens: ScriptedServer,
  accepts: (bearer: string, asked: Asked) => boolean | string,
): Promise<ScriptedServer> {
  return scripted((asked) => {
    const bearer = /^Bearer (.*)$/.exec(asked.headers.authorization ?? '')?.[1];
    const accepted = bearer === undefined ? false : accepts(bearer, asked);
    if (accepted === true) return FOUND;
    const more = typeof accepted === 'string' ? `,error="insufficient_scope",scope="${accepted}"` : '';
    return challenge(`Bearer realm="${tokens.origin}/token?a=b",service="the registry"${more}`);
  });
}

const scopesOf = (asked: Asked | undefined) =>
  new URL(asked?.path ?? '', 'http://x').searchParams.getAll('scope');

describe('token login', () => {
  it('asks the token server with service, scope and the login, and keeps the query of the realm', async () => {
    const tokens = await scripted(() => token('t1'));
    const server = await registryOf(tokens, (bearer) => bearer === 't1');
    const client = clientOf([server, tokens], { credentials: loginFor(server.host) });
    expect(await client.digestOf(refTo(server.host))).toEqual(PRESENT);
    expect(tokens.asked).toHaveLength(1);
    expect(tokens.asked[0]?.path).toBe(
      '/token?a=b&service=the+registry&scope=repository%3Ateam%2Fapp%3Apull',
    );
    expect(tokens.asked[0]?.headers.authorization).toBe(BASIC);
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer t1']);
  });

  it('remembers the way in: the next question is one request', async () => {
    const tokens = await scripted(() => token('t1'));
    const server = await registryOf(tokens, () => true);
    const client = clientOf([server, tokens]);
    await client.digestOf(refTo(server.host));
    await client.digestOf(refTo(server.host, { tag: '2' }));
    expect(server.asked).toHaveLength(3);
    expect(tokens.asked).toHaveLength(1);
  });

  it.each([
    ['60 s when it names none', {}, 40_000, 60_000],
    ['as long as it says', { expires_in: 300 }, 260_000, 300_000],
  ])('keeps a token %s, and renews it early', async (_, more, still, over) => {
    let now = 0;
    let count = 0;
    const tokens = await scripted(() => token(`t${++count}`, more));
    const server = await registryOf(tokens, () => true);
    const client = clientOf([server, tokens], { now: () => now });
    await client.digestOf(refTo(server.host));
    now = still;
    await client.digestOf(refTo(server.host));
    expect(count).toBe(1);
    now = over - 1000;
    await client.digestOf(refTo(server.host));
    expect(count).toBe(2);
  });

  it('renews a refused token once, then is denied', async () => {
    let count = 0;
    let good = 't1';
    const tokens = await scripted(() => token(`t${++count}`));
    const server = await registryOf(tokens, (bearer) => bearer === good);
    const client = clientOf([server, tokens]);
    expect(await client.digestOf(refTo(server.host))).toEqual(PRESENT);
    good = 't2';
    expect(await client.digestOf(refTo(server.host))).toEqual(PRESENT);
    expect(count).toBe(2);
    good = 'none';
    const denied = { kind: 'denied', message: `${server.host} refuses access (401)` };
    expect(await client.digestOf(refTo(server.host))).toEqual(denied);
    expect(count).toBe(3);
  });

  it('renews a token that many questions saw refused only once', async () => {
    let count = 0;
    let good = 't1';
    const tokens = await scripted(() => token(`t${++count}`));
    const server = await registryOf(tokens, (bearer) => bearer === good);
    const client = clientOf([server, tokens]);
    await client.digestOf(refTo(server.host));
    good = 't2';
    const asked = Array.from({ length: 8 }, (_, tag) =>
      client.digestOf(refTo(server.host, { tag: `${tag}` })),
    );
    expect(await Promise.all(asked)).toEqual(asked.map(() => PRESENT));
    expect(count).toBe(2);
  });

  it('puts a scope the registry demands first', async () => {
    const tokens = await scripted((asked) => token(String(scopesOf(asked).length)));
    const server = await registryOf(tokens, (bearer) => bearer === '2' || 'repository:mirror/team/app:pull');
    const client = clientOf([server, tokens]);
    expect(await client.digestOf(refTo(server.host))).toEqual(PRESENT);
    expect(tokens.asked.map(scopesOf)).toEqual([
      ['repository:team/app:pull'],
      ['repository:mirror/team/app:pull', 'repository:team/app:pull'],
    ]);
  });

  it('asks with its own scope alone where that covers what the registry names', async () => {
    const tokens = await scripted(() => token('t'));
    const server = await scripted(({ headers }) =>
      headers.authorization === undefined
        ? challenge(`Bearer realm="${tokens.origin}",scope="repository:team/app:pull"`)
        : FOUND,
    );
    await clientOf([server, tokens]).digestOf(refTo(server.host), { scope: 'pull,push' });
    expect(tokens.asked.map(scopesOf)).toEqual([['repository:team/app:pull,push']]);
  });

  it('keeps tokens apart by registry, repository and credential', async () => {
    const tokens = await scripted(() => token('t'));
    const one = await registryOf(tokens, () => true);
    const two = await registryOf(tokens, () => true);
    let store = anonymous;
    const credentials = { credentialFor: (host: string, path: string) => store.credentialFor(host, path) };
    const client = clientOf([one, two, tokens], { credentials });
    await client.digestOf(refTo(one.host));
    await client.digestOf(refTo(two.host));
    await client.digestOf({ ...refTo(one.host), repository: 'other/app' });
    store = loginFor(one.host);
    await client.digestOf(refTo(one.host));
    expect(tokens.asked.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      undefined,
      undefined,
      BASIC,
    ]);
    expect(tokens.asked.map((asked) => scopesOf(asked)[0])).toEqual([
      'repository:team/app:pull',
      'repository:team/app:pull',
      'repository:other/app:pull',
      'repository:team/app:pull',
    ]);
  });

  it('ends when every new token is answered by a further demand', async () => {
    let count = 0;
    const tokens = await scripted(() => token('t'));
    const server = await registryOf(tokens, () => `repository:x${++count}:pull`);
    expect(await clientOf([server, tokens]).digestOf(refTo(server.host))).toMatchObject({ kind: 'denied' });
    expect(server.asked.length).toBeLessThan(6);
  });

  it('trades an identity token by POST, and by GET where POST is unknown', async () => {
    for (const status of [200, 404]) {
      const tokens = await scripted(({ method }) =>
        method === 'POST' && status !== 200 ? { status } : { body: '{"access_token":"t","token":""}' },
      );
      const server = await registryOf(tokens, () => true);
      const credentials = loginFor(server.host, { identitytoken: 'refresh' });
      expect(await clientOf([server, tokens], { credentials }).digestOf(refTo(server.host))).toEqual(PRESENT);
      const [post, get] = tokens.asked;
      expect(Object.fromEntries(new URLSearchParams(post?.body))).toEqual({
        grant_type: 'refresh_token',
        service: 'the registry',
        scope: 'repository:team/app:pull',
        client_id: 'imagespec-operator',
        refresh_token: 'refresh',
      });
      const fallback = `Basic ${Buffer.from('<token>:refresh').toString('base64')}`;
      expect(get?.headers.authorization).toBe(status === 200 ? undefined : fallback);
    }
  });

  it.each<[string, Scripted, object]>([
    [
      '401',
      { status: 401 },
      { kind: 'denied', message: expect.stringMatching(/^token server .* refuses access \(401\)$/) },
    ],
    [
      '400',
      { status: 400, body: '{"error":"invalid_grant"}' },
      { kind: 'denied', message: expect.stringMatching(/\(400\): invalid_grant$/) },
    ],
    ['404', { status: 404 }, { kind: 'unavailable' }],
    ['500', { status: 500 }, { kind: 'unavailable' }],
    ['429', { status: 429, headers: { 'retry-after': '7' } }, { kind: 'unavailable', retryAfterMs: 7000 }],
    [
      'a page',
      { body: '<html>' },
      { kind: 'unavailable', message: expect.stringMatching(/holds no token$/) },
    ],
    ['no token', { body: '{}' }, { kind: 'unavailable' }],
    ['a token that breaks a header', token('a\r\nx: y'), { kind: 'unavailable' }],
    [
      'too much',
      { body: 'x'.repeat(70_000) },
      { kind: 'unavailable', message: expect.stringMatching(/larger than 65536/) },
    ],
  ])('answers for a token server that gives %s', async (_, answer, expected) => {
    const tokens = await scripted(() => answer);
    const server = await registryOf(tokens, () => true);
    const client = clientOf([server, tokens], { credentials: loginFor(server.host) });
    expect(await client.digestOf(refTo(server.host))).toMatchObject(expected);
  });

  it('shows no secret that a server repeats', async () => {
    const echo = { error: 'invalid', error_description: `no me:hunter22 nor ${btoa('me:hunter22')}` };
    const tokens = await scripted(() => ({ status: 401, body: JSON.stringify(echo) }));
    const server = await registryOf(tokens, () => true);
    const credentials = loginFor(server.host, { username: 'me', password: 'hunter22' });
    expect(await clientOf([server, tokens], { credentials }).digestOf(refTo(server.host))).toEqual({
      kind: 'denied',
      message: expect.stringMatching(/: no me:\*\*\* nor \*\*\*$/),
    });
  });

  it('asks anew after a failed exchange', async () => {
    let failures = 3;
    const tokens = await scripted(() => (failures-- > 0 ? { status: 500 } : token('t')));
    const server = await registryOf(tokens, () => true);
    const client = clientOf([server, tokens]);
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'unavailable' });
    expect(await client.digestOf(refTo(server.host))).toEqual(PRESENT);
  });
});

describe('what a challenge may not do', () => {
  const asked = async (realm: string, credentials?: RegistryClientOptions['credentials']) => {
    const server = await scripted(() => challenge(`Bearer realm="${realm}"`));
    return clientOf([server], credentials ? { credentials } : {}).digestOf(refTo(server.host));
  };

  it.each([
    ['http://169.254.169.254/latest/meta-data', "a cloud's metadata address"],
    ['https://[fd00:ec2::254]/', "a cloud's metadata address"],
    ['http://127.0.0.1:9/token', 'a loopback address'],
    ['http://2130706433:9/token', 'a loopback address'],
    ['https://localhost:9/token', 'a loopback address'],
    ['https://10.96.0.1/token', 'a private address'],
    ['file:///var/run/secrets/token', 'which is not HTTP'],
    ['/token', 'which is no URL'],
    ['https://user:pass@example.com/', 'a token server with a login in its URL'],
  ])('send us to %s', async (realm, words) => {
    expect(await asked(realm)).toEqual({ kind: 'denied', message: expect.stringContaining(words) });
  });

  it('bring a refused address in by a redirect of the token server', async () => {
    const tokens = await scripted(() => ({ status: 302, headers: { location: 'http://169.254.169.254/' } }));
    const server = await registryOf(tokens, () => true);
    expect(await clientOf([server, tokens]).digestOf(refTo(server.host))).toEqual({
      kind: 'denied',
      message: expect.stringContaining("169.254.169.254 is a cloud's metadata address"),
    });
  });

  it('have the login follow a redirect of the token server to another origin', async () => {
    const thief = await scripted(() => token('t'));
    const tokens = await scripted(({ method }) =>
      method === 'POST'
        ? { status: 307, headers: { location: thief.origin } }
        : { status: 302, headers: { location: thief.origin } },
    );
    const server = await registryOf(tokens, () => true);
    const all = [server, tokens, thief];
    await clientOf(all, { credentials: loginFor(server.host) }).digestOf(refTo(server.host));
    expect(thief.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    const identity = loginFor(server.host, { identitytoken: 'refresh' });
    expect(await clientOf(all, { credentials: identity }).digestOf(refTo(server.host))).toMatchObject({
      kind: 'unavailable',
    });
    expect(thief.asked).toHaveLength(1);
  });

  it('bring the login to a token server that a redirect target names', async () => {
    const thief = await scripted(() => token('t'));
    const target = await scripted(() => challenge(`Bearer realm="${thief.origin}/token"`));
    const server = await scripted(() => ({ status: 307, headers: { location: target.origin } }));
    const client = clientOf([server, target, thief], { credentials: loginFor(server.host) });
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'denied' });
    expect(thief.asked).toEqual([]);
  });

  it('have a login for an HTTPS registry sent over plain HTTP', async () => {
    const certificate = selfSigned(['127.0.0.1']);
    const tokens = await scripted(() => token('t'));
    const server = await scripted(() => challenge(`Bearer realm="${tokens.origin}/token"`), certificate);
    const registries = [
      { host: server.host, insecure: false, mirrors: [] },
      { host: tokens.host, insecure: true, mirrors: [] },
    ];
    const client = clientOf([], {
      registries,
      caBundle: certificate.certificatePem,
      credentials: loginFor(server.host),
    });
    expect(await client.digestOf(refTo(server.host))).toMatchObject({
      kind: 'denied',
      message: expect.stringContaining('credentials for an HTTPS registry are not sent over plain HTTP'),
    });
    expect(tokens.asked).toEqual([]);
  });
});

describe('basic login', () => {
  it('is used once the registry asks, alone or among others', async () => {
    for (const header of [
      'Basic realm="x"',
      ['Negotiate', 'Basic realm="x"'],
      'Negotiate, Basic realm="x"',
    ]) {
      const server = await scripted(({ headers }) =>
        headers.authorization === BASIC ? FOUND : challenge(header),
      );
      const client = clientOf([server], { credentials: loginFor(server.host) });
      expect(await client.digestOf(refTo(server.host))).toEqual(PRESENT);
      expect(await client.digestOf(refTo(server.host))).toEqual(PRESENT);
      expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, BASIC, BASIC]);
    }
  });

  it('is tried once, and once more for the next question', async () => {
    const server = await scripted(() => challenge('Basic realm="x"'));
    const client = clientOf([server], { credentials: loginFor(server.host) });
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'denied' });
    expect(server.asked).toHaveLength(2);
  });

  it('is not possible with an identity token', async () => {
    const server = await scripted(() => challenge('Basic realm="x"'));
    const client = clientOf([server], { credentials: loginFor(server.host, { identitytoken: 'refresh' }) });
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'denied' });
    expect(JSON.stringify(server.asked)).not.toContain('refresh');
  });
});
