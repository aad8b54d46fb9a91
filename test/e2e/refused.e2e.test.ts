/** A wrong field is refused by the API server, with a sentence that says what to write instead. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import {
  apply,
  createNamespace,
  deleteNamespace,
  kubectl,
  test,
  type Written,
  withOperator,
} from '../support/e2e.ts';

/** A wrong spec, and the words with which `kubectl apply` fails. */
const WRONG: readonly [title: string, spec: Written, ...words: string[]][] = [
  ['a recipe nobody knows', { recipe: 'v9' }, 'spec.recipe: Unsupported value: "v9"', '"v1"'],
  [
    'a repository in capitals',
    { name: 'My/App' },
    'spec.name',
    'write a repository name: lower-case letters',
  ],
  [
    'a registry with a scheme',
    { registry: 'https://ghcr.io' },
    'spec.registry',
    'without scheme and tag, for example ghcr.io/acme',
  ],
  [
    'a builder with a dot',
    { builder: 'build.kit' },
    'spec.builder',
    'write the name of a builder of the operator',
  ],
  [
    'a base with a space',
    { baseImage: 'python 3' },
    'spec.baseImage',
    'write an image reference such as python:3.12-slim',
  ],
  ['a Python that is a number', { pythonVersion: 3.1 }, 'spec.pythonVersion', 'string'],
  [
    'a Python of the past',
    { pythonVersion: '2.7' },
    'spec.pythonVersion',
    'write a Python version in quotes, for example "3.12"',
  ],
  [
    'an option among the packages',
    { packages: ['-r requirements.txt'] },
    'spec.packages[0]',
    'options (-r, --index-url) and comments do not belong here',
  ],
  [
    'a password in a URL',
    { packages: ['six', 'git+https://me:secret@host/x'] },
    'spec.packages[1]',
    'take the user, password or token out of the URL',
  ],
  [
    'an option among the Debian packages',
    { aptPackages: ['-o', 'a b'] },
    'spec.aptPackages[0]',
    'spec.aptPackages[1]',
    'write a Debian package: name, name:architecture or name=version',
  ],
  [
    'a Debian package twice',
    { aptPackages: ['curl', 'curl'] },
    'spec.aptPackages[1]: Duplicate value: "curl"',
  ],
  [
    'a variable with a dash',
    { env: [{ name: 'A-B', value: '' }] },
    'spec.env[0].name',
    'write a variable name: letters, digits and _',
  ],
  [
    'a variable of the build',
    { env: [{ name: 'IMAGESPEC_BASE', value: '' }] },
    'spec.env',
    'choose another name: variables that begin with IMAGESPEC_ are used by the build',
  ],
  [
    'a variable twice',
    {
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
      ],
    },
    'spec.env[1]: Duplicate value',
  ],
  [
    'NUL in a variable',
    { env: [{ name: 'A', value: 'a\0b' }] },
    'spec.env[0].value',
    'take out the NUL character',
  ],
  ['NUL in a command', { commands: ['a\0b'] }, 'spec.commands[0]', 'take out the NUL character'],
  [
    'a relative folder',
    { workdir: 'app' },
    'spec.workdir',
    'write an absolute path of letters, digits, _, . and -, for example /app',
  ],
  [
    'a value that is too long in bytes',
    { env: [{ name: 'A', value: '😀'.repeat(9000) }] },
    'spec.env[0].value',
    'write at most 32 KiB (32768 bytes)',
  ],
  ['a user above what a build can give files to', { user: '70000' }, 'spec.user', 'none above 65535'],
  [
    'a user by name',
    { user: 'root' },
    'spec.user',
    'write a numeric user, with a group if wanted, none above 65535: 1000 or 1000:1000',
  ],
  [
    'a label with a space',
    { labels: { 'a b': 'c' } },
    'spec.labels',
    'write label names of letters, digits, ., _, / and -',
  ],
  [
    'a platform without architecture',
    { platforms: ['linux'] },
    'spec.platforms[0]',
    'write linux/amd64, linux/arm64 or another of arm, 386, ppc64le, s390x, riscv64',
  ],
  [
    'two platforms under profile Flytekit',
    { profile: 'Flytekit', platforms: ['linux/amd64', 'linux/arm64'] },
    'spec.platforms',
    'write one platform: under profile Flytekit it is part of the tag',
  ],
  [
    'two sources',
    { source: { files: {}, configMapRef: { name: 'a' } } },
    'spec.source',
    'write exactly one of files, configMapRef, git and oci',
  ],
  ['files from nowhere', { copy: ['a'] }, 'spec.source', 'write source: requirements, copy'],
  [
    'a tag without the hash',
    { tagFormat: 'latest' },
    'spec.tagFormat',
    'that contains {spec_hash}, for example v1-{spec_hash}',
  ],
  [
    'a Secret in capitals',
    { pushSecretRef: { name: 'Mine' } },
    'spec.pushSecretRef.name',
    'write the name of a Secret: lower-case letters, digits, - and .',
  ],
  ['a Secret without a name', { pullSecretRefs: [{}] }, 'spec.pullSecretRefs[0]', 'equired', 'name'],
  [
    'an account with an underscore',
    { build: { serviceAccountName: 'a_b' } },
    'spec.build.serviceAccountName',
    'write the name of a ServiceAccount',
  ],
  [
    'a queue in capitals',
    { build: { queueName: 'Team' } },
    'spec.build.queueName',
    'write the name of a Kueue LocalQueue',
  ],
  [
    'a second',
    { build: { timeoutSeconds: 1 } },
    'spec.build.timeoutSeconds',
    'should be greater than or equal to 30',
  ],
  [
    'more retries than anybody needs',
    { build: { retries: 11 } },
    'spec.build.retries',
    'should be less than or equal to 10',
  ],
  [
    'an amount that is none',
    { build: { resources: { limits: { memory: 'lots' } } } },
    'spec.build.resources.limits.memory',
  ],
  ['a rebuild that is no number', { rebuild: 'yes' }, 'spec.rebuild', 'integer'],
  ['a field that does not exist', { package: ['six'] }, 'unknown field', 'package'],
];

withOperator('a wrong field', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await createNamespace('refused.e2e');
  });
  afterAll(async () => {
    await deleteNamespace(namespace);
  });

  async function refusal(spec: Written, name = 'wrong'): Promise<string> {
    return await apply(namespace, { [name]: spec }).then(
      () => 'accepted',
      (error: Error) => error.message,
    );
  }

  describe.concurrent('is refused:', () => {
    test.for(WRONG)('%s', async ([, spec, ...words], { expect }) => {
      const refused = await refusal(spec);
      for (const one of words) expect(refused).toContain(one);
    });

    test('a name longer than a label', async ({ expect }) => {
      expect(await refusal({}, 'a'.repeat(64))).toContain('choose a name of at most 63 characters');
    });
  });

  test('leaves nothing behind', async () => {
    expect(await kubectl(['get', 'imagespecs', `--namespace=${namespace}`, '--output=name'])).toBe('');
  });
});
