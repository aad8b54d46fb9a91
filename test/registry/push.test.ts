/** Asking whether a push would be let in, and pushing a manifest, against registries that misbehave. */
import { describe, expect, it } from 'vitest';
import {
  challenge,
  clientOf,
  DIGEST,
  failing,
  loginFor,
  MANIFEST,
  MANIFEST_TYPE,
  PRESENT,
  refTo,
  scripted,
} from '../support/scripted-registry.ts';
import type { Asked, Scripted } from '../support/scripted-server.ts';

const asLines = (asked: readonly Asked[]) => asked.map(({ method, path }) => `${method} ${path}`);

describe('mayPush', () => {
  const opened = (location: string): Scripted => ({ status: 202, headers: { location } });
  const UPLOADS = '/v2/team/app/blobs/uploads/';

  it.each(['/v2/team/app/blobs/uploads/7?state=a%2Fb', 'ORIGIN/v2/team/app/blobs/uploads/7?state=a%2Fb'])(
    'opens an upload and cancels it at %s',
    async (location) => {
      const server = await scripted(({ method, headers }) =>
        method === 'POST' ? opened(location.replace('ORIGIN', `http://${headers.host}`)) : { status: 204 },
      );
      expect(await clientOf([server]).mayPush(refTo(server.host))).toEqual({ kind: 'allowed' });
      expect(asLines(server.asked)).toEqual([`POST ${UPLOADS}`, `DELETE ${UPLOADS}7?state=a%2Fb`]);
    },
  );

  it.each([
    '/v2/other/app/blobs/uploads/7',
    '/v2/team/app/../../../admin',
    '/v2/team/app2/blobs/uploads/7',
    'http://',
  ])('cancels nothing outside the repository: %s', async (location) => {
    const server = await scripted(() => opened(location));
    expect(await clientOf([server]).mayPush(refTo(server.host))).toEqual({ kind: 'allowed' });
    expect(asLines(server.asked)).toEqual([`POST ${UPLOADS}`]);
  });

  it('sends nothing to another host that the upload is said to be at', async () => {
    const other = await scripted(() => ({ status: 204 }));
    const server = await scripted(({ headers }) =>
      headers.authorization === undefined
        ? challenge('Basic realm="x"')
        : opened(`${other.origin}${UPLOADS}7`),
    );
    const client = clientOf([server, other], { credentials: loginFor(server.host) });
    expect(await client.mayPush(refTo(server.host))).toEqual({ kind: 'allowed' });
    expect(other.asked).toEqual([]);
  });

  it('is allowed also where the upload cannot be cancelled', async () => {
    const server = await scripted(({ method }) => {
      if (method === 'POST') return opened(`${UPLOADS}7`);
      return (response) => response.destroy();
    });
    expect(await clientOf([server]).mayPush(refTo(server.host))).toEqual({ kind: 'allowed' });
    expect(server.asked).toHaveLength(2);
  });

  it.each<[string, Scripted, object]>([
    ['no such repository', failing(404, 'NAME_UNKNOWN'), { kind: 'absent' }],
    ['no right', failing(403, 'DENIED', 'read only'), { kind: 'denied' }],
    ['a passing failure', { status: 503 }, { kind: 'unavailable' }],
    ['a redirect', { ...opened('/elsewhere'), status: 307 }, { kind: 'unavailable' }],
  ])('asks once and tells the answer: %s', async (_, answer, expected) => {
    const server = await scripted(() => answer);
    expect(await clientOf([server]).mayPush(refTo(server.host))).toMatchObject(expected);
    expect(asLines(server.asked)).toEqual([`POST ${UPLOADS}`]);
  });
});

describe('pushManifest', () => {
  const content = { mediaType: MANIFEST_TYPE, text: MANIFEST };
  const pushed = (host: string) => ({ ...refTo(host), tag: '1' });

  it('puts the text under the tag, and knows its digest', async () => {
    const server = await scripted(() => ({ status: 201 }));
    expect(await clientOf([server]).pushManifest(pushed(server.host), content)).toEqual(PRESENT);
    expect(asLines(server.asked)).toEqual(['PUT /v2/team/app/manifests/1']);
    expect(server.asked[0]).toMatchObject({ body: MANIFEST, headers: { 'content-type': MANIFEST_TYPE } });
  });

  it('is put under the tag also where the reference has a digest', async () => {
    const server = await scripted(() => ({ status: 201 }));
    await clientOf([server]).pushManifest({ ...pushed(server.host), digest: DIGEST }, content);
    expect(asLines(server.asked)).toEqual(['PUT /v2/team/app/manifests/1']);
  });

  it.each<[string, Scripted, RegExp]>([
    ['an immutable tag', failing(409, 'DENIED', 'tag is immutable'), /immutable/],
    ['a redirect', { status: 307, headers: { location: '/elsewhere' } }, / fails \(307\)$/],
    ['not quite', { status: 202 }, / fails \(202\)$/],
  ])('is sent once, and its refusal told: %s', async (_, answer, words) => {
    const server = await scripted(() => answer);
    expect(await clientOf([server]).pushManifest(pushed(server.host), content)).toEqual({
      kind: 'unavailable',
      message: expect.stringMatching(words),
    });
    expect(server.asked).toHaveLength(1);
  });
});
