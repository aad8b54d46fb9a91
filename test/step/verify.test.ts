import { expect, test } from 'vitest';
import { baseIn } from '../../src/step/verify.ts';

const base = { image: 'python:3.12', digest: `sha256:${'a'.repeat(64)}` };

test.each([
  [JSON.stringify(base), base],
  [JSON.stringify({ ...base, auths: { host: { auth: 'secret' } } }), base],
  [JSON.stringify({ auths: { host: { auth: 'secret' } } }), undefined],
  ['a token', undefined],
])('of a file that a build could replace, only the base image is told: %s', (text, told) => {
  expect(baseIn(text)).toEqual(told);
});
