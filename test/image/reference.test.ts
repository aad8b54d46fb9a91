/** Image references against the grammar of distribution/reference. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRepository, parseReference, printReference, splitHost } from '../../src/image/reference.ts';

const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${HEX}`;

describe('parseReference', () => {
  it.each([
    ['python', 'docker.io/library/python:latest'],
    ['python:3.12-slim', 'docker.io/library/python:3.12-slim'],
    [`python@${DIGEST}`, `docker.io/library/python@${DIGEST}`],
    [`python:3.12@${DIGEST}`, `docker.io/library/python:3.12@${DIGEST}`],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/python', 'docker.io/library/python:latest'],
    ['index.docker.io/team/app:1', 'docker.io/team/app:1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000/app:1'],
    // Without a slash nothing is a host, and a colon starts the tag.
    ['localhost:5000', 'docker.io/library/localhost:5000'],
    ['my.image', 'docker.io/library/my.image:latest'],
    ['ghcr.io/team/app:A_b.c-d', 'ghcr.io/team/app:A_b.c-d'],
    ['GHCR.io/team/app', 'ghcr.io/team/app:latest'],
    ['myregistry:5000/a/b/c', 'myregistry:5000/a/b/c:latest'],
    ['192.168.1.1:30000/app', '192.168.1.1:30000/app:latest'],
    [
      'us-west1-docker.pkg.dev/example.com/my-project/my-repo',
      'us-west1-docker.pkg.dev/example.com/my-project/my-repo:latest',
    ],
    ['ghcr.io/a--b/c__d/e.f', 'ghcr.io/a--b/c__d/e.f:latest'],
  ])('reads %s as %s', (text, full) => {
    const ref = parseReference(text);
    expect(ref && printReference(ref)).toBe(full);
  });

  it.each([
    '',
    ':tag',
    '@',
    'ghcr.io/',
    '/app',
    'ghcr.io//app',
    'ghcr.io/app/',
    'Team/app',
    'ghcr.io/Team/app',
    'ghcr.io/app:',
    'ghcr.io/app:-x',
    `ghcr.io/app:${'t'.repeat(129)}`,
    'ghcr.io/app@sha256:abc',
    `ghcr.io/app@${DIGEST.toUpperCase()}`,
    `ghcr.io/app@md5:${HEX}`,
    `ghcr.io/app@${DIGEST}@${DIGEST}`,
    'https://ghcr.io/app',
    'user:password@ghcr.io/app',
    'ghcr.io:port/app',
    'ghcr.io:70000/app',
    'invalid:port:50000/app',
    '-ghcr.io/app',
    'ghcr..io/app',
    '[::1]:5000/app',
    'ghcr.io/app name',
    'ghcr.io/app\n',
    'ghcr.io/../app',
    'ghcr.io/a___b',
    'ghcr.io/app?x=1',
    'ghcr.io/app%2f',
    HEX,
    `ghcr.io/${'a'.repeat(250)}`,
  ])('refuses %j', (text) => {
    expect(parseReference(text)).toBeUndefined();
  });

  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const host = fc
    .tuple(fc.array(label, { minLength: 2, maxLength: 3 }), fc.option(fc.integer({ min: 1, max: 65535 })))
    .map(([labels, port]) => labels.join('.') + (port === null ? '' : `:${port}`));
  const part = fc.stringMatching(/^[a-z0-9]{1,5}((\.|_|__|--?)[a-z0-9]{1,5}){0,2}$/);
  const reference = fc.record({
    host,
    repository: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
    tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
    digest: fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`),
  });

  it('reads back what it printed', () => {
    fc.assert(
      fc.property(reference, fc.constantFrom('tag', 'digest', 'both'), ({ tag, digest, ...name }, form) => {
        const ref = {
          ...name,
          ...(form === 'digest' ? {} : { tag }),
          ...(form === 'tag' ? {} : { digest }),
        };
        expect(parseReference(printReference(ref))).toEqual(ref);
      }),
    );
  });

  it('never throws, and prints a fixed point for whatever it reads', () => {
    const nearly = fc
      .array(
        fc.constantFrom('a', 'Z', '0', '.', ':', '/', '@', '-', '_', 'docker.io', 'localhost', DIGEST, ' '),
        {
          maxLength: 12,
        },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' })), (text) => {
        const ref = parseReference(text);
        if (ref === undefined) return;
        expect(parseReference(printReference(ref))).toEqual(ref);
        expect(ref.host).toBe(ref.host.toLowerCase());
        expect(isRepository(ref.host, ref.repository)).toBe(true);
        expect(
          URL.canParse(`https://registry.test/v2/${ref.repository}/manifests/${ref.digest ?? ref.tag}`),
        ).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes linear time for long hostile names', () => {
    const started = performance.now();
    for (const text of [`${'a-'.repeat(50_000)}/x`, `x/${'a_'.repeat(50_000)}`, `x:${'1'.repeat(100_000)}/x`])
      expect(parseReference(text)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('splitHost', () => {
  it.each([
    ['ghcr.io', { host: 'ghcr.io', path: '' }],
    ['localhost:30000/flyte', { host: 'localhost:30000', path: 'flyte' }],
    ['flyteorg', { host: 'docker.io', path: 'flyteorg' }],
    ['index.docker.io/x', { host: 'docker.io', path: 'x' }],
  ])('splits %s', (text, parts) => {
    expect(splitHost(text)).toEqual(parts);
  });
});
