/** One exchange over a bad wire: registries that hang, cut, overflow, ask to wait or point elsewhere. */
import { describe, expect, it } from 'vitest';
import {
  ask,
  challenge,
  clientOf,
  DIGEST,
  FOUND,
  failing,
  loginFor,
  refTo,
  scripted,
} from '../support/scripted-registry.ts';
import type { Asked, Scripted } from '../support/scripted-server.ts';

describe('an exchange', () => {
  it('tries a passing failure twice more, and answers with the last', async () => {
    let failures = 2;
    const recovered = await ask(() => (failures-- > 0 ? { status: 503 } : FOUND));
    expect(recovered).toMatchObject({ found: { kind: 'present' }, methods: 'HEAD HEAD HEAD' });
    const cut = await ask(() => (response) => response.destroy());
    expect(cut.found).toEqual({ kind: 'unavailable', message: `${cut.host}: the connection was cut` });
    expect(cut.methods).toBe('HEAD HEAD HEAD');
  });

  it('gives up on a registry that hangs, before its headers and in its body', async () => {
    const server = await scripted(({ method, path }) => {
      if (method === 'HEAD' && path.endsWith('/2')) return { status: 405 };
      return path.endsWith('/2') ? (response) => response.writeHead(200).write('{') : undefined;
    });
    const client = clientOf([server], { timeoutMs: 200 });
    const expected = { kind: 'unavailable', message: `${server.host}: no answer within 0.2 s` };
    expect(await client.digestOf(refTo(server.host))).toEqual(expected);
    expect(await client.digestOf(refTo(server.host, { tag: '2' }))).toEqual(expected);
  });

  it('is unavailable when the answer is not HTTP', async () => {
    const { found, host } = await ask(() => (response) => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(found).toEqual({
      kind: 'unavailable',
      message: `${host}: its answer is not HTTP that can be read`,
    });
  });

  it('stops reading an answer that is too large', async () => {
    let sent = 0;
    const endless = await scripted(({ method }) => {
      if (method === 'HEAD') return { status: 405 };
      return (response) => {
        const more = () => {
          while (!response.destroyed && sent < 64 * 1024 * 1024 && response.write(Buffer.alloc(65536, 'x')))
            sent += 65536;
        };
        response.writeHead(200).on('drain', more);
        more();
      };
    });
    expect(await clientOf([endless]).digestOf(refTo(endless.host))).toEqual({
      kind: 'unavailable',
      message: `${endless.host}: its answer is larger than 4194304 bytes`,
    });
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    const { found } = await ask(() => ({ status: 400, body: 'x'.repeat(1024 * 1024) }));
    expect(found).toMatchObject({ kind: 'unavailable' });
  });

  it('reuses its connections, also after HEAD', async () => {
    const server = await scripted(() => FOUND);
    const client = clientOf([server]);
    for (let asked = 0; asked < 20; asked++) await client.digestOf(refTo(server.host));
    // The pool may open a second one while the first is being freed.
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  it('is unavailable after close, and leaves nothing hanging', async () => {
    const server = await scripted(() => undefined);
    const client = clientOf([server]);
    const asked = client.digestOf(refTo(server.host));
    await expect.poll(() => server.asked.length).toBe(1);
    await client.close();
    expect(await asked).toMatchObject({ kind: 'unavailable' });
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'unavailable' });
  });

  it('runs at most eight questions to one host at a time', async () => {
    let running = 0;
    let most = 0;
    const server = await scripted(() => (response) => {
      most = Math.max(most, ++running);
      setTimeout(() => {
        running--;
        response.writeHead(404).end();
      }, 5);
    });
    const client = clientOf([server]);
    await Promise.all(Array.from({ length: 40 }, () => client.digestOf(refTo(server.host))));
    expect(most).toBe(8);
  });
});

it('a registry that hangs is asked by eight, and what they find out is the answer to all who wait', async () => {
  const silent = await scripted(() => undefined);
  const slow = await scripted(({ path }) =>
    path.endsWith('/slow') ? undefined : (response) => response.writeHead(404).end(),
  );
  const client = clientOf([silent, slow], { timeoutMs: 1200 });
  const words = `${silent.host}: no answer within 1.2 s`;
  const all = Array.from({ length: 50 }, () => client.digestOf(refTo(silent.host)));
  const alive = client.digestOf(refTo(slow.host, { tag: 'slow' }));
  const meanwhile = async () => {
    await expect.poll(() => slow.asked.length).toBe(1);
    return await client.digestOf(refTo(slow.host));
  };
  expect(await meanwhile()).toEqual({ kind: 'absent' });
  for (const found of await Promise.all(all))
    expect(found).toMatchObject({ kind: 'unavailable', message: words });
  expect(silent.asked).toHaveLength(8);
  // One that only takes long over a question is asked on.
  expect(await alive).toMatchObject({ kind: 'unavailable' });
  expect(await client.digestOf(refTo(slow.host))).toEqual({ kind: 'absent' });
});

describe('a registry that asks to wait', () => {
  it('is never taken for one without the image', async () => {
    const server = await scripted(() => failing(429, 'NAME_UNKNOWN', 'slow down'));
    expect(await clientOf([server]).manifestOf(refTo(server.host))).toEqual({
      kind: 'unavailable',
      message: `${server.host} has had too many requests (429): slow down`,
    });
  });

  it('is left alone by everybody until then', async () => {
    let now = Date.parse('2026-11-25T12:00:00Z');
    let busy = true;
    const server = await scripted(() => (busy ? { status: 429, headers: { 'retry-after': '30' } } : FOUND));
    const client = clientOf([server], { now: () => now });
    expect(await client.digestOf(refTo(server.host))).toEqual({
      kind: 'unavailable',
      message: `${server.host} has had too many requests (429)`,
      retryAfterMs: 30_000,
    });
    now += 10_000;
    expect(await client.digestOf(refTo(server.host, { repository: 'other/app' }))).toEqual({
      kind: 'unavailable',
      message: `${server.host}: asked us to wait 20 s`,
      retryAfterMs: 20_000,
    });
    expect(server.asked).toHaveLength(1);
    now += 20_000;
    busy = false;
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'present' });
  });

  it.each([
    ['Wed, 25 Nov 2026 12:02:00 GMT', 120_000],
    ['Wed, 25 Nov 2026 11:00:00 GMT', 0],
    ['999999', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
  ])('may say %s', async (header, retryAfterMs) => {
    const now = Date.parse('2026-11-25T12:00:00Z');
    const server = await scripted(() => ({ status: 503, headers: { 'retry-after': header } }));
    const found = await clientOf([server], { now: () => now }).digestOf(refTo(server.host));
    expect(found).toEqual({
      kind: 'unavailable',
      message: `${server.host} fails (503)`,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  });
});

describe('redirects', () => {
  const to = (location: string, status = 307): Scripted => ({ status, headers: { location } });
  const basic = (asked: Asked, answer: Scripted): Scripted =>
    asked.headers.authorization === undefined ? challenge('Basic realm="x"') : answer;

  it('keeps the login on the same origin and drops it on another port', async () => {
    const target = await scripted(() => FOUND);
    const server = await scripted((asked) => {
      if (asked.path.endsWith('/1')) return basic(asked, to('/v2/team/app/manifests/2'));
      return basic(asked, to(`${target.origin}/elsewhere`));
    });
    const client = clientOf([server, target], { credentials: loginFor(server.host) });
    expect(await client.digestOf(refTo(server.host))).toEqual({ kind: 'present', digest: DIGEST });
    expect(server.asked.map(({ headers }) => headers.authorization !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
    expect(target.asked).toHaveLength(1);
    expect(target.asked[0]?.headers.authorization).toBeUndefined();
  });

  it('does not answer the challenge of another host', async () => {
    const target = await scripted(() => challenge('Basic realm="x"'));
    const server = await scripted((asked) => basic(asked, to(`${target.origin}/x`)));
    const client = clientOf([server, target], { credentials: loginFor(server.host) });
    expect(await client.digestOf(refTo(server.host))).toMatchObject({ kind: 'denied' });
    expect(target.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('follows five, not six', async () => {
    const counting = ({ path }: Asked) => {
      const hop = Number(path.split('-')[1] ?? 0);
      return hop === 5 ? FOUND : to(`/hop-${hop + 1}`);
    };
    expect((await ask(counting)).found).toMatchObject({ kind: 'present' });
    const { found, host } = await ask(() => to('/round'));
    expect(found).toEqual({ kind: 'unavailable', message: `${host}: more than 5 redirects` });
  });

  it.each([
    ['http://169.254.169.254/latest/meta-data', /169\.254\.169\.254 is a cloud's metadata address/],
    ['http://[::ffff:a9fe:a9fe]/', /is a cloud's metadata address/],
    ['http://0x7f.1:1/', /127\.0\.0\.1 is a loopback address/],
    ['http://localhost:1/', /localhost is (127\.0\.0\.1|::1), which is a loopback address/],
    ['http://10.0.0.1/', /10\.0\.0\.1 is a private address/],
    ['file:///etc/passwd', /which is not HTTP/],
  ])('refuses %s', async (location, message) => {
    const { found, methods } = await ask(() => to(location));
    expect(found).toEqual({ kind: 'denied', message: expect.stringMatching(message) });
    expect(methods).toBe('HEAD');
  });

  it('is unavailable when the target is no URL', async () => {
    expect((await ask(() => to('http://'))).found).toMatchObject({ kind: 'unavailable' });
  });
});

describe('a registry nobody listed', () => {
  it.each([
    ['127.0.0.1:1', '127.0.0.1:1: 127.0.0.1 is a loopback address'],
    ['169.254.169.254', "169.254.169.254: 169.254.169.254 is a cloud's metadata address"],
    ['localhost:1', 'localhost:1: localhost is '],
  ])('is not asked at %s', async (host, beginning) => {
    const answer = await clientOf([]).digestOf(refTo(host));
    expect(answer).toMatchObject({ kind: 'denied', message: expect.stringContaining(beginning) });
    expect(JSON.stringify(answer)).toContain(`an entry for ${host} under registries`);
  });

  it('is asked over HTTPS', async () => {
    const server = await scripted(() => FOUND);
    const client = clientOf([{ host: server.host, insecure: false }]);
    expect(await client.digestOf(refTo(server.host))).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('it does not speak HTTPS; plain HTTP needs insecure: true'),
    });
  });
});
