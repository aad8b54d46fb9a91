import { expect, test } from 'vitest';
import { userOf } from '../../src/step/prepare.ts';

test.each([
  [undefined, '', '0:0'],
  [undefined, 'www-data', 'www-data'],
  [undefined, '1000:users', '1000:users'],
  ['1000', 'www-data', '1000'],
  ['1000', '$uid and more', '1000'],
])('the user %s of a spec and %j of its base come to %s', (user, written, final) => {
  expect(userOf({ base: 'base:1', ...(user === undefined ? {} : { user }) }, written)).toBe(final);
});

test('a user of the base that no Dockerfile can name wants one in the spec', () => {
  expect(() => userOf({ base: 'base:1' }, '$uid')).toThrow(
    'the user of base:1 ("$uid") is neither a name nor a number; set spec.user',
  );
});
