import { expect, test } from 'vitest';
import { failureOf, StepError } from '../../src/step/failure.ts';

test.each([
  ['its own word', new StepError('RegistryDenied', 'no'), { reason: 'RegistryDenied', message: 'no' }],
  [
    'a full disk',
    Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
    { reason: 'OutOfDisk', message: 'ENOSPC: no space left on device, write' },
  ],
  ['anything else', new Error('x'.repeat(5000)), { reason: 'BuildFailed', message: 'x'.repeat(512) }],
  ['what is no error', 'odd', { reason: 'BuildFailed', message: 'odd' }],
])('a step that ends tells %s', (_, error, told) => {
  expect(failureOf(error)).toEqual(told);
});
