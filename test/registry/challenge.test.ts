import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Challenge, parseChallenges } from '../../src/registry/challenge.ts';

function challenge(scheme: string, parameters: Record<string, string> = {}, token68?: string): Challenge {
  return { scheme, parameters: new Map(Object.entries(parameters)), ...(token68 ? { token68 } : {}) };
}

describe('parseChallenges', () => {
  it.each<[string, Challenge[]]>([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/python:pull"',
      [
        challenge('bearer', {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:library/python:pull',
        }),
      ],
    ],
    ['Basic realm="Registry Realm"', [challenge('basic', { realm: 'Registry Realm' })]],
    ['Negotiate, Basic realm="x"', [challenge('negotiate'), challenge('basic', { realm: 'x' })]],
    [
      'Negotiate YWJj==, Bearer realm=a , error=insufficient_scope',
      [
        challenge('negotiate', {}, 'YWJj=='),
        challenge('bearer', { realm: 'a', error: 'insufficient_scope' }),
      ],
    ],
    ['BEARER REALM = "a\\"b, c\\\\"', [challenge('bearer', { realm: 'a"b, c\\' })]],
    ['Basic realm="x", realm="y"', [challenge('basic', { realm: 'x' })]],
    [', ,Basic', [challenge('basic')]],
    ['', []],
    ['realm="x"', []],
    ['Bearer realm="never closed', [challenge('bearer')]],
    ['Bearer realm="x" junk', [challenge('bearer')]],
  ])('reads %j', (header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });

  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}$/);
  const value = fc.string({ unit: fc.constantFrom(...' abz09"\\,=/:é\t'), maxLength: 12 });
  const printed = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
  const wanted = fc.array(
    fc.record({
      scheme: token,
      parameters: fc.uniqueArray(fc.tuple(token, value), {
        selector: ([name]) => name.toLowerCase(),
        maxLength: 4,
      }),
    }),
    { maxLength: 4 },
  );

  it('reads back what RFC 9110 prints', () => {
    fc.assert(
      fc.property(wanted, fc.constantFrom(',', ', ', ' , '), (challenges, comma) => {
        const header = challenges
          .map(({ scheme, parameters }) =>
            [scheme, parameters.map(([name, text]) => `${name}=${printed(text)}`).join(comma)]
              .join(' ')
              .trim(),
          )
          .join(comma);
        expect(parseChallenges(header)).toEqual(
          challenges.map(({ scheme, parameters }) => ({
            scheme: scheme.toLowerCase(),
            parameters: new Map(parameters.map(([name, text]) => [name.toLowerCase(), text])),
          })),
        );
      }),
    );
  });

  it('never throws and never takes long', () => {
    const nearly = fc
      .array(fc.constantFrom('Bearer', ' ', '=', '"', ',', '\\', 'realm', 'x', '\0'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' })), (header) => {
        for (const { scheme } of parseChallenges(header)) expect(scheme).not.toBe('');
      }),
    );
    const started = performance.now();
    for (const piece of ['a', 'a=', 'a="', 'a b="', ', ', 'a ', '\\"', 'a b=c,'])
      parseChallenges(piece.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
