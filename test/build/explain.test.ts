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
    [
      'python-untrusted-index',
      'BuildFailed',
      "the operator's caBundle can name the authority",
      'invalid peer certificate',
    ],
    [
      'python-uv-lock-stale',
      'BuildFailed',
      'uv.lock does not fit the pyproject.toml beside it; run uv lock',
      'needs to be updated',
    ],
    [
      'python-poetry-lock-stale',
      'BuildFailed',
      'poetry.lock does not fit the pyproject.toml beside it; run poetry lock',
      'changed significantly',
    ],
    [
      'conda-channel-unreachable',
      'IndexUnreachable',
      'the package index could not be reached',
      'Connection refused',
    ],
    [
      'conda-no-such-channel',
      'PackageNotFound',
      'http://127.0.0.1:5743/no-such/noarch/repodata.json: nothing is there',
      "could not find subdir 'noarch'",
    ],
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
    ['push-denied', 'RegistryDenied', 'the registry refused (', 'denied'],
    ['registry-gone', 'RegistryUnreachable', 'a registry could not be reached', 'connection refused'],
    [
      'kaniko-python-no-such-package',
      'PackageNotFound',
      'pandsa-no-such: no such package',
      'No solution found',
    ],
    [
      'kaniko-apt-no-such-package',
      'PackageNotFound',
      'nosuchpkg: no such Debian package',
      'E: Unable to locate',
    ],
    [
      'kaniko-command-failed',
      'CommandFailed',
      "a command failed: ls: cannot access '/nonexistent': No such file or directory",
      'trying',
    ],
    [
      'kaniko-command-silent',
      'CommandFailed',
      'a command ended without a word, with exit code 7',
      'status 7',
    ],
    ['kaniko-command-killed', 'OutOfMemory', 'killed for want of memory', 'Killed'],
    ['kaniko-push-denied', 'RegistryDenied', 'the registry refused (401 Unauthorized', '401 Unauthorized'],
    ['kaniko-registry-gone', 'RegistryUnreachable', 'a registry could not be reached', '5997'],
    ['kaniko-base-not-found', 'BaseImageNotFound', 'manifests/nope: no such image', 'MANIFEST_UNKNOWN'],
  ])('%s', (name, reason, headline, shown) => {
    const log = logOf(name);
    expect(explainLog(log)).toMatchObject({ reason, headline: expect.stringContaining(headline) });
    const lines = lastLines(log);
    expect(lines).toContain(shown);
    expect(lines).not.toMatch(/^(------|Dockerfile:|.*>>>|time=|imagespec-step: )/m);
  });

  it('has a row for every log kept', () => {
    expect(readdirSync(folder)).toHaveLength(25);
  });
});

describe('sentences of registries, proxies and package tools', () => {
  const url = `https://registry.example.com/v2/immutable-infra/app/blobs/uploads/${'a'.repeat(80)}?_state=x`;
  const push = (words: string) =>
    `------\n > exporting to image:\n------\nerror: failed to solve: failed to push r.io/a:1: ${words}`;
  const step = (folder: string, words: string) =>
    `------\n > [2/3] RUN x:\n0.1 ${words}\n------\nerror: failed to solve: process "/bin/sh -c sh -e /run/imagespec/${folder}/run.sh" did not complete successfully: exit code: 2`;
  it.each<[string, string, string]>([
    [
      'a gateway',
      push(`unexpected status from PUT request to ${url}: 502 Bad Gateway`),
      'RegistryUnreachable',
    ],
    [
      'a limit',
      push('unexpected status from HEAD request to https://r.io/v2/a: 429 Too Many Requests'),
      'RegistryUnreachable',
    ],
    [
      'a pull limit',
      'error: failed to solve: toomanyrequests: You have reached your unauthenticated pull rate limit.',
      'RegistryUnreachable',
    ],
    ['a lost connection', push('failed to copy: write tcp: broken pipe'), 'RegistryUnreachable'],
    [
      'a daemon that died',
      'error: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF',
      'Interrupted',
    ],
    [
      'a daemon that was asked once more after it died',
      'error: failed to solve: Unavailable: connection error: desc = "transport: Error while dialing: dial tcp 10.0.0.9:1234: connect: connection refused"',
      'Interrupted',
    ],
    [
      'a daemon that said goodbye',
      'error: failed to solve: closing transport due to: connection error: desc = "error reading from server: EOF", received prior goaway: code: NO_ERROR',
      'Interrupted',
    ],
    [
      'ECR',
      push(
        'unknown: The image tag 1 already exists in the repository and cannot be overwritten because the tag is immutable.',
      ),
      'TagImmutable',
    ],
    [
      'Nexus',
      push(`unexpected status from PUT request to ${url}: 400 Repository does not allow updating assets`),
      'TagImmutable',
    ],
    [
      'a name is no sentence',
      push(`unexpected status from PUT request to ${url}: 503 Service Unavailable`),
      'RegistryUnreachable',
    ],
    [
      'a push refused',
      push('unexpected status from POST request to https://r.io/v2/a/blobs/uploads/: 403 Forbidden'),
      'RegistryDenied',
    ],
    [
      'a URL that leads nowhere',
      step(
        'python',
        'error: Failed to download `x` Caused by: HTTP status client error (404 Not Found) for url (https://h/x.whl)',
      ),
      'PackageNotFound',
    ],
    [
      'an index that wants a login',
      step('python', 'error: HTTP status client error (401 Unauthorized) for url (https://h/simple/)'),
      'BuildFailed',
    ],
    [
      'a wrong branch',
      step('python', 'error: Git operation failed Caused by: failed to fetch branch or tag `x`'),
      'BuildFailed',
    ],
    ['a compiler', step('python', 'Failed to build `x==1` ... test timed out'), 'BuildFailed'],
    [
      'a proxy that fails',
      step('python', 'error: HTTP status server error (503 Service Unavailable) for url (https://h/)'),
      'IndexUnreachable',
    ],
    [
      'a killed compiler',
      step('python', 'c++: fatal error: Killed signal terminated program cc1plus'),
      'OutOfMemory',
    ],
    ['a killed apt', step('apt', 'xargs: apt-get: terminated by signal 9'), 'OutOfMemory'],
    ["a shell's word", step('commands', 'Killed'), 'OutOfMemory'],
    [
      "a test's own words, long before the end",
      step('commands', `no space left on device\n${'0.2 fine\n'.repeat(8)}0.3 assertion failed`),
      'CommandFailed',
    ],
  ])('%s', (_name, log, reason) => {
    expect(explainLog(log).reason).toBe(reason);
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

it.each([
  'failed to push x ',
  'unexpected status from PUT request to x 400 ',
  'failed to resolve source metadata for a:',
  'GET https://a/manifests/',
  'process "/run/imagespec/a/run.sh',
])('is told at once, though a registry says nothing but %j', (words) => {
  const log = words.repeat(4096 / words.length);
  const begun = performance.now();
  explainLog(log);
  expect(performance.now() - begun).toBeLessThan(500);
});

it('a command that ends in silence is told by its exit code', () => {
  const log =
    '------\n > [2/2] RUN x:\n------\nerror: failed to solve: process "/bin/sh -c sh -e /run/imagespec/commands/run.sh # x" did not complete successfully: exit code: 7';
  expect(explainLog(log)).toEqual({
    reason: 'CommandFailed',
    headline: 'a command ended without a word, with exit code 7',
  });
});

it('a command that prints what looks like a verdict only chooses the word for its own failure', () => {
  const log = logOf('command-failed').replace('trying', 'imagespec: NoSuchReason: hello');
  expect(explainLog(log).reason).toBe('CommandFailed');
});
