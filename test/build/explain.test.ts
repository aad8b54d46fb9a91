/** The logs are real: ends of builds that failed on the local cluster, cut to what a termination message keeps. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainLog, lastLines } from '../../src/build/explain.ts';

const folder = join(import.meta.dirname, 'logs');
const logOf = (name: string) => readFileSync(join(folder, `${name}.txt`), 'utf8');

describe('the end of a log as a reason, a line and the lines to show', () => {
  it.each([
    ['python-no-git', 'BuildFailed', 'add git to spec.aptPackages', 'Git executable not found'],
    [
      'python-no-such-package',
      'PackageNotFound',
      'pandsa-no-such: no such package',
      'pandsa-no-such was not found',
    ],
    [
      'python-no-such-package-wrapped',
      'PackageNotFound',
      'no-such-package-of-imagespec: no such package',
      'No solution found when resolving dependencies',
    ],
    [
      'python-no-such-version',
      'PackageNotFound',
      'requests==99.99: no such version',
      'there is no version of requests==99.99',
    ],
    [
      'python-index-unreachable',
      'IndexUnreachable',
      'the package index could not be reached',
      'error sending request',
    ],
    [
      'apt-no-such-package',
      'PackageNotFound',
      'nosuchpkg: no such Debian package',
      'E: Unable to locate package nosuchpkg',
    ],
    [
      'apt-mirror-unreachable',
      'IndexUnreachable',
      'the Debian mirror could not be reached',
      'Connection refused',
    ],
    [
      'command-failed',
      'CommandFailed',
      "a command failed: ls: cannot access '/nonexistent': No such file or directory",
      'trying',
    ],
    ['command-out-of-disk', 'OutOfDisk', 'no space left on the disk of the build', 'No space left on device'],
    [
      'python-not-found',
      'PythonNotFound',
      'the base image has no Python 3.13 (found: 3.11.2)',
      'imagespec: PythonNotFound',
    ],
    ['push-denied', 'RegistryDenied', 'the registry refused the push', 'denied'],
    ['registry-gone', 'RegistryUnreachable', 'a registry could not be reached', 'connection refused'],
  ])('%s', (name, reason, headline, shown) => {
    const log = logOf(name);
    expect(explainLog(log)).toMatchObject({ reason, headline: expect.stringContaining(headline) });
    const lines = lastLines(log);
    expect(lines).toContain(shown);
    expect(lines).not.toMatch(/^(------|Dockerfile:|.*>>>)/m);
  });

  it('has a row for every log kept', () => {
    expect(readdirSync(folder)).toHaveLength(12);
  });
});

it('says something of any text and never throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 4000 }), (log) => {
      const { reason, headline } = explainLog(log);
      expect(reason).toBe('BuildFailed');
      expect(headline.length).toBeGreaterThan(0);
      expect(lastLines(log).length).toBeLessThanOrEqual(3500);
    }),
  );
});

it('a command that prints what looks like a verdict only chooses the word for its own failure', () => {
  const log = logOf('command-failed').replace('trying', 'imagespec: NoSuchReason: hello');
  expect(explainLog(log).reason).toBe('CommandFailed');
});
